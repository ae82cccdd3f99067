//! For the day when nothing of ours is at hand: how to restore the capture with `psql` alone, in words and as a script.

use super::super::{GLOBALS, LARGE_OBJECTS, LOAD, Manifest, POST_DATA, PRE_DATA, Table, rows::column_list};
use crate::schema::{quote_ident, quote_literal};

/// `load.sql`: a script for `psql`, run in the folder of the files between the definitions before and after the rows.
pub(super) fn load(manifest: &Manifest) -> String {
    let mut script = String::from(
        "-- Loads the rows of this capture. Run by psql in the folder of manifest.json; RESTORE.md says when.\n\
         \\set ON_ERROR_STOP on\n\
         SET client_encoding = 'UTF8';\nSET DateStyle = 'ISO, YMD';\nSET IntervalStyle = 'postgres';\nSET lc_monetary = 'C';\n\
         SET xmloption = 'content';\nSET standard_conforming_strings = on;\nSET row_security = off;\n\
         SET search_path = '';\nSET statement_timeout = 0;\n",
    );
    for table in &manifest.tables {
        load_table(&mut script, table);
    }
    for sequence in &manifest.sequences {
        // A name inside a literal: psql reads whole statements here, so line feeds do no harm.
        let name = quote_literal(&sequence.name.sql());
        let (value, called) = (sequence.last_value, sequence.is_called);
        script.push_str(&format!("SELECT pg_catalog.setval({name}, {value}, {called});\n"));
    }
    if manifest.large_objects.count > 0 {
        script.push_str(&load_objects(manifest));
    }
    script
}

fn load_objects(manifest: &Manifest) -> String {
    let mut script = format!(
        "CREATE TEMPORARY TABLE keepsake_objects (line pg_catalog.text);\n\
         \\copy pg_temp.keepsake_objects FROM {} WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')\n\
         SELECT pg_catalog.lo_create((line::pg_catalog.jsonb ->> 'id')::pg_catalog.oid) FROM pg_temp.keepsake_objects;\n\
         CREATE TEMPORARY TABLE keepsake_pieces (id pg_catalog.oid, at pg_catalog.int8, bytes pg_catalog.bytea);\n",
        literal(LARGE_OBJECTS),
    );
    for file in &manifest.large_objects.files {
        script.push_str(&format!(
            "\\copy pg_temp.keepsake_pieces FROM {}\n\
             SELECT pg_catalog.count(pg_catalog.lo_put(id, at, bytes)) FROM pg_temp.keepsake_pieces;\n\
             TRUNCATE pg_temp.keepsake_pieces;\n",
            literal(&file.path)
        ));
    }
    script.push_str("-- Owners, comments and privileges of the large objects are in large-objects/objects.jsonl.\n");
    script
}

/// The commands that load one table. `\\copy` ends with its line, so what has a line feed in its name is renamed meanwhile;
/// columns need not be named, since the files hold all that can be written, in order.
fn load_table(script: &mut String, table: &Table) {
    let odd = |name: &str| name.contains(char::is_control);
    let (schema, name) = (quote_ident(&table.name.schema), quote_ident(&table.name.table));
    let (mut plain, mut before, mut after) = (table.name.clone(), String::new(), String::new());
    if odd(&table.name.table) {
        plain.table = "keepsake_loading".to_owned();
        before.push_str(&format!("ALTER TABLE {schema}.{name} RENAME TO keepsake_loading;\n"));
        after.push_str(&format!("ALTER TABLE {schema}.keepsake_loading RENAME TO {name};\n"));
    }
    if odd(&table.name.schema) {
        plain.schema = "keepsake_loading".to_owned();
        before.push_str(&format!("ALTER SCHEMA {schema} RENAME TO keepsake_loading;\n"));
        after.insert_str(0, &format!("ALTER SCHEMA keepsake_loading RENAME TO {schema};\n"));
    }
    let columns = if table.columns.iter().any(|name| odd(name)) { String::new() } else { column_list(&table.columns) };
    script.push_str(&before);
    for file in &table.files {
        script.push_str(&format!("\\copy {}{columns} FROM {}\n", plain.sql(), literal(&file.path)));
    }
    script.push_str(&after);
}

/// A file name for `\copy`, which knows no backslash escapes; paths of a capture hold neither quotes nor backslashes.
fn literal(path: &str) -> String {
    format!("'{}'", path.replace('\'', "''"))
}

/// `RESTORE.md`.
pub(super) fn text(manifest: &Manifest) -> String {
    let database = &manifest.database;
    let mut text = format!(
        "# Restoring this database by hand\n\n\
         A capture of the database `{}`, taken {} from PostgreSQL {}: {} tables, {} rows, {} large objects.\n\
         With Keepsake, `keepsake restore database` does all of this, in parallel, and compares every table. With nothing but\n\
         `psql`, run these in the folder of this file, as a superuser, into a new database:\n\n\
         ```\n\
         psql -X -d postgres -f {GLOBALS}        # roles; complaints about roles that exist already do no harm\n\
         createdb -T template0 -E {} --lc-collate='{}' --lc-ctype='{}' NEW\n\
         psql -X -d NEW -v ON_ERROR_STOP=1 -f {PRE_DATA}\n\
         psql -X -d NEW -v ON_ERROR_STOP=1 -f {LOAD}\n\
         psql -X -d NEW -v ON_ERROR_STOP=1 -f {POST_DATA}\n\
         psql -X -d NEW -c ANALYZE\n\
         ```\n\n\
         `data/` holds the rows as COPY text, one folder a table; `manifest.json` has the number of rows and a hash of each table.\n\
         Subscriptions are created without connecting. Materialized views are filled by the last script.\n",
        database.name.replace(['`', '\n', '\r'], " "),
        manifest.captured_at,
        manifest.server_version / 10_000,
        manifest.tables.len(),
        manifest.tables.iter().map(|table| table.rows).sum::<u64>(),
        manifest.large_objects.count,
        database.encoding,
        database.collate,
        database.ctype,
    );
    if !database.settings.is_empty() || database.comment.is_some() || database.privileges.is_some() {
        text.push_str(
            "\nThe database's own settings (`ALTER DATABASE ... SET`), comment and privileges are in `manifest.json` under \
             `database`.\n",
        );
    }
    if manifest.incomplete {
        text.push_str(
            "\n**This capture is incomplete.** What it does not hold is listed in `manifest.json` under `issues`.\n",
        );
    }
    text
}
