//! The documents beside the rows: what the tables were like, the mapping, and how to load everything by hand with psql.

use super::{Manifest, TableEntry, scan::Plan};
use crate::{
    mapping::{Bound, Mapping},
    schema::{Schema, Table, TableName, quote_ident, quote_literal},
};
use std::{collections::BTreeSet, fmt::Write};

/// Documents that are the same for every wedding of a capture: path and content.
pub(super) fn shared(
    schema: &Schema,
    mapping: &Mapping,
    bound: &Bound,
    mapping_text: Option<&str>,
) -> Vec<(&'static str, String)> {
    let scope = scope(schema, bound);
    vec![
        ("schema/schema.json", serde_json::to_string_pretty(&scope).unwrap_or_default()),
        ("schema/mapping.toml", mapping_text.map_or_else(|| mapping.to_toml(), str::to_owned)),
        ("schema/tables.sql", tables_sql(&scope, bound)),
    ]
}

/// The schema of the tables concerned, without what changes from minute to minute, so that equal captures are equal bytes.
pub(super) fn scope(schema: &Schema, bound: &Bound) -> Schema {
    let mut names: BTreeSet<&TableName> = bound.tables.iter().map(|table| &table.name).collect();
    names.extend(bound.shared.keys());
    let partition_of = |table: &Table| match &table.kind {
        crate::schema::TableKind::Partition { root } => names.contains(root),
        _ => false,
    };
    let wanted = |table: &Table| names.contains(&table.name) || partition_of(table);
    let mut scope = schema.clone();
    scope.tables.retain(|_, table| wanted(table));
    for table in scope.tables.values_mut() {
        table.estimated_rows = 0;
        table.size_bytes = 0;
    }
    scope.foreign_keys.retain(|key| names.contains(&key.from) || names.contains(&key.to));
    scope.sequences.retain(|sequence| sequence.column.as_ref().is_some_and(|(table, _)| names.contains(table)));
    for sequence in &mut scope.sequences {
        sequence.last_value = None;
    }
    for publication in &mut scope.publications {
        publication.tables.retain(|table| names.contains(table));
    }
    scope.publications.retain(|publication| !publication.tables.is_empty());
    let used: Vec<&str> =
        scope.tables.values().flat_map(|table| &table.columns).map(|column| element(&column.base_type)).collect();
    scope.enums.retain(|name, _| used.contains(&name.as_str()));
    scope
}

fn element(type_name: &str) -> &str {
    type_name.trim_end_matches("[]")
}

/// Plain tables that take the rows: no keys between them, no triggers, no policies.
fn tables_sql(scope: &Schema, bound: &Bound) -> String {
    let mut sql = String::from(
        "-- Tables that take the rows of this capture, for an empty database. They have the columns and primary keys of the\n\
         -- application's tables, without foreign keys, triggers, policies, defaults and generated columns. Types that only an\n\
         -- extension or the application defines are text here; enums are made, domains are their base types.\n\n",
    );
    let schemas: BTreeSet<&String> = bound.tables.iter().map(|table| &table.name.schema).collect();
    let enum_schemas = scope.enums.keys().filter_map(|name| name.parse::<TableName>().ok()).map(|name| name.schema);
    let all: BTreeSet<String> = schemas.into_iter().cloned().chain(enum_schemas).collect();
    for schema in all {
        let _infallible = writeln!(sql, "CREATE SCHEMA IF NOT EXISTS {};", quote_ident(&schema));
    }
    for (name, labels) in &scope.enums {
        let labels: Vec<String> = labels.iter().map(|label| quote_literal(label)).collect();
        let _infallible = writeln!(sql, "CREATE TYPE {name} AS ENUM ({});", labels.join(", "));
    }
    for table in &bound.tables {
        let mut parts: Vec<String> = table
            .stored_columns()
            .map(|column| format!("    {} {}", quote_ident(&column.name), plain_type(scope, &column.base_type)))
            .collect();
        let primary = scope.tables.get(&table.name).and_then(|table| table.primary_key.as_ref());
        let stored =
            |key: &&Vec<String>| key.iter().all(|name| table.stored_columns().any(|column| column.name == *name));
        if let Some(key) = primary.filter(stored) {
            parts.push(format!("    PRIMARY KEY ({})", quoted(key)));
        }
        let _infallible = writeln!(sql, "\nCREATE TABLE {} (\n{}\n);", table.name.sql(), parts.join(",\n"));
    }
    sql
}

fn plain_type(scope: &Schema, type_name: &str) -> String {
    let of_postgres = !element(type_name).contains(['.', '"']);
    // Types written without a schema are PostgreSQL's own; those of system catalogs take no user data.
    if of_postgres || scope.enums.contains_key(element(type_name)) { type_name.to_owned() } else { "text".to_owned() }
}

fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| quote_ident(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// psql's commands that load the rows, parents first.
pub(super) fn load_sql(tables: &[TableEntry]) -> String {
    let mut sql = String::from(
        "-- Loads the rows of this capture; run by psql from the folder that holds manifest.json.\n\
         SET row_security = off;\nSET DateStyle = 'ISO, YMD';\nSET IntervalStyle = 'postgres';\nSET TimeZone = 'UTC';\n\
         SET lc_monetary = 'C';\nSET xmloption = 'content';\n",
    );
    for table in tables.iter().filter(|table| table.rows > 0) {
        let _infallible = writeln!(
            sql,
            "\\copy {} ({}) FROM '{}' WITH (ENCODING 'UTF8')",
            table.name.sql(),
            quoted(&table.columns),
            table.path
        );
    }
    sql
}

/// `RESTORE.md`: for a person who has this folder and PostgreSQL, and nothing of ours.
pub(super) fn restore_md(manifest: &Manifest) -> String {
    let mut rows = String::new();
    for table in &manifest.tables {
        let _infallible = writeln!(rows, "| {} | {} | {} | `{}` |", table.name, table.group, table.rows, table.path);
    }
    format!(
        "# One wedding, as plain files\n\n\
This folder holds everything that one wedding owns in its planning database, as it was at {at} (UTC), written by\n\
Keepsake. No program of ours is needed to get it back: psql, which comes with PostgreSQL, is enough.\n\n\
- `rows/`: the rows, a file for each table, in PostgreSQL's COPY text format.\n\
- `references/`: shared rows that the wedding refers to, such as vendors of a directory, by key and name only. They are\n\
  for reading; do not load them.\n\
- `files/<store>/<path>`: photos and documents that the rows name.\n\
- `schema/`: what the tables were like (`schema.json`, `tables.sql`), which of them make up a wedding (`mapping.toml`), and\n\
  `load.sql`, which loads the rows.\n\
- `manifest.json`: the index, with the number of rows and a hash of each table.\n\n\
## To look at the wedding in a database of its own\n\n\
```sh\n\
createdb wedding\n\
psql -X -v ON_ERROR_STOP=1 --single-transaction -d wedding -f schema/tables.sql -f schema/load.sql\n\
```\n\n\
Run this in this folder. Afterwards every table has its rows, and queries work as in the application.\n\n\
## To put it back into the application's database\n\n\
`keepsake restore wedding` does this beside a running application, row by row, and proves the result. By hand it is for an\n\
emergency: stop the application, take a backup, and make sure that none of this wedding's rows are there any more. Then, as\n\
a superuser, so that no trigger fires and the order of tables does not matter:\n\n\
```sh\n\
psql -X -v ON_ERROR_STOP=1 --single-transaction -d DATABASE -c \"SET session_replication_role = replica\" -f schema/load.sql\n\
```\n\n\
With triggers off, PostgreSQL does not check foreign keys: rows of other tables that this wedding refers to (see\n\
`references/`) must still be there. Sequences are not moved: before the application starts, set each one that feeds an\n\
id (`SELECT setval(...)`) beyond the largest id in its table. Copy `files/<store>/` back to where the store keeps its files\n\
(in names, `%25` stands for `%`).\n\n\
## What is here\n\n\
| table | group | rows | file |\n|---|---|---|---|\n{rows}",
        at = manifest.captured_at,
    )
}

/// The index entry of one table.
pub(super) fn entry(plan: &Plan<'_>, rows: &super::RowHasher) -> TableEntry {
    TableEntry {
        name: plan.table.name.clone(),
        group: plan.table.group,
        path: super::rows_path(&plan.table.name),
        columns: plan.columns.iter().map(|&name| name.to_owned()).collect(),
        key: plan.table.key.clone(),
        rows: rows.rows(),
        hash: rows.hex(),
    }
}
