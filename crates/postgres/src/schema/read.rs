//! Reads the catalog into [`Schema`].

use super::{
    Column, ForeignKey, Identity, OnDelete, Publication, Schema, Sequence, SpecialIndex, Table, TableKind, TableName,
    Trigger, Unique, queries,
};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::{GenericClient, Row};

/// The most tables that are read: beyond it something else than an application's database was named.
const TABLES_MAX: usize = 50_000;

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A query failed.
    #[error(
        "could not read the database's catalog ({what}); check that the role may connect and that the connection is up"
    )]
    Query {
        /// What was being read.
        what: &'static str,
        /// The server's answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Far more tables than any application has.
    #[error("the database has {found} tables; at most {TABLES_MAX} are supported")]
    TooLarge {
        /// How many.
        found: usize,
    },
}

fn failed(what: &'static str) -> impl FnOnce(tokio_postgres::Error) -> Error {
    move |source| Error::Query { what, source }
}

/// Reads everything that capture and restore need to know of a database, in about a dozen pipelined queries.
///
/// Works for any role that may connect: only the last values of sequences and the system identifier need rights, and are
/// `None` without them. Types and expressions are written with an empty `search_path`, so that the same database reads the
/// same for every role; the session's own setting is put back afterwards. Inside a transaction all queries see its snapshot.
///
/// # Errors
/// [`Error::Query`] if the server refuses or goes away, [`Error::TooLarge`] beyond 50,000 tables.
pub async fn read<C: GenericClient + Sync>(client: &C) -> Result<Schema, Error> {
    let row = client
        .query_typed_one("SELECT current_setting('search_path')", &[])
        .await
        .map_err(failed("session settings"))?;
    let path: String = row.get(0);
    set_search_path(client, "").await?;
    let schema = read_all(client).await;
    if schema.is_ok() || !path.is_empty() {
        // After a failed query in a transaction this fails too, and the rollback puts the setting back.
        let restored = set_search_path(client, &path).await;
        if schema.is_ok() {
            restored?;
        }
    }
    schema
}

async fn set_search_path<C: GenericClient + Sync>(client: &C, path: &str) -> Result<(), Error> {
    let param: (&(dyn tokio_postgres::types::ToSql + Sync), _) = (&path, tokio_postgres::types::Type::TEXT);
    client
        .query_typed("SELECT set_config('search_path', $1, false)", &[param])
        .await
        .map(drop)
        .map_err(failed("session settings"))
}

async fn read_all<C: GenericClient + Sync>(client: &C) -> Result<Schema, Error> {
    let ask =
        |what: &'static str, sql: &'static str| async move { client.query_typed(sql, &[]).await.map_err(failed(what)) };
    // Polled together, the queries travel as one pipeline.
    let (database, tables, columns, indexes, constraints, triggers, sequences, enums, extensions, publications) = tokio::try_join!(
        ask("database", queries::DATABASE),
        ask("tables", queries::TABLES),
        ask("columns", queries::COLUMNS),
        ask("indexes", queries::INDEXES),
        ask("constraints", queries::CONSTRAINTS),
        ask("triggers", queries::TRIGGERS),
        ask("sequences", queries::SEQUENCES),
        ask("enums", queries::ENUMS),
        ask("extensions", queries::EXTENSIONS),
        ask("publications", queries::PUBLICATIONS),
    )?;
    if tables.len() > TABLES_MAX {
        return Err(Error::TooLarge { found: tables.len() });
    }
    let (server_version, name, may_identify) = match database.first() {
        Some(row) => (row.get(0), row.get(1), row.get(2)),
        None => (0, String::new(), false),
    };
    let system_identifier = if may_identify {
        let rows = ask("system identifier", queries::SYSTEM_IDENTIFIER).await?;
        rows.first().map(|row| row.get(0))
    } else {
        None
    };
    let mut catalog = Catalog::new(&tables);
    catalog.add_columns(&columns);
    catalog.add_indexes(&indexes);
    catalog.add_constraints(&constraints);
    for row in &triggers {
        if let Some(entry) = catalog.entries.get_mut(&row.get(0)) {
            let enabled = letter(row, 2);
            entry.table.triggers.push(Trigger { name: row.get(1), enabled, definition: row.get(3) });
        }
    }
    let sequences = sequences.iter().map(|row| catalog.sequence(row)).collect();
    Ok(Schema {
        server_version,
        database: name,
        system_identifier,
        tables: catalog.entries.into_values().map(|entry| (entry.table.name.clone(), entry.table)).collect(),
        foreign_keys: catalog.foreign_keys,
        sequences,
        enums: enums.iter().map(|row| (row.get(0), row.get(1))).collect(),
        extensions: extensions.iter().map(|row| (row.get(0), row.get(1))).collect(),
        publications: publications_of(&publications),
    })
}

/// The first letter of a `"char"` read as text.
fn letter(row: &Row, index: usize) -> char {
    row.get::<_, &str>(index).chars().next().unwrap_or(' ')
}

struct Entry {
    table: Table,
    /// Attribute number to name, for the catalogs that speak in numbers.
    attributes: HashMap<i16, String>,
}

impl Entry {
    /// Names of attributes; `None` if one is an expression or unknown.
    fn names(&self, numbers: &[i16]) -> Option<Vec<String>> {
        numbers.iter().map(|number| self.attributes.get(number).cloned()).collect()
    }
}

struct Catalog {
    entries: BTreeMap<u32, Entry>,
    foreign_keys: Vec<ForeignKey>,
}

impl Catalog {
    fn new(rows: &[Row]) -> Self {
        let names: HashMap<u32, TableName> =
            rows.iter().map(|row| (row.get(0), TableName::new(row.get::<_, &str>(1), row.get::<_, &str>(2)))).collect();
        let entries = rows
            .iter()
            .filter_map(|row| {
                let oid: u32 = row.get(0);
                let table = table_of(row, names.get(&oid)?.clone(), &names);
                Some((oid, Entry { table, attributes: HashMap::new() }))
            })
            .collect();
        Self { entries, foreign_keys: Vec::new() }
    }

    fn add_columns(&mut self, rows: &[Row]) {
        for row in rows {
            let Some(entry) = self.entries.get_mut(&row.get(0)) else { continue };
            let name: String = row.get(2);
            entry.attributes.insert(row.get(1), name.clone());
            entry.table.columns.push(Column {
                name,
                type_name: row.get(3),
                base_type: row.get(4),
                category: letter(row, 5),
                not_null: row.get(6),
                default: row.get(7),
                identity: match letter(row, 8) {
                    'a' => Identity::Always,
                    'd' => Identity::ByDefault,
                    _ => Identity::None,
                },
                generated: row.get(9),
                comment: row.get(10),
            });
        }
    }

    fn add_indexes(&mut self, rows: &[Row]) {
        for row in rows {
            if let Some(entry) = self.entries.get_mut(&row.get(0)) {
                add_index(entry, row);
            }
        }
    }

    fn add_constraints(&mut self, rows: &[Row]) {
        for row in rows {
            if letter(row, 2) == 'f' {
                let key = self.foreign_key(row);
                self.foreign_keys.extend(key);
                continue;
            }
            let Some(entry) = self.entries.get_mut(&row.get(0)) else { continue };
            let constraint = (row.get(1), row.get(10));
            match letter(row, 2) {
                'c' => entry.table.checks.push(constraint),
                _ => entry.table.exclusions.push(constraint),
            }
        }
    }

    fn foreign_key(&self, row: &Row) -> Option<ForeignKey> {
        let (from, to) = (self.entries.get(&row.get(0))?, self.entries.get(&row.get(4))?);
        Some(ForeignKey {
            name: row.get(1),
            from: from.table.name.clone(),
            from_columns: from.names(&row.get::<_, Vec<i16>>(3))?,
            to: to.table.name.clone(),
            to_columns: to.names(&row.get::<_, Vec<i16>>(5))?,
            on_delete: match letter(row, 6) {
                'r' => OnDelete::Restrict,
                'c' => OnDelete::Cascade,
                'n' => OnDelete::SetNull,
                'd' => OnDelete::SetDefault,
                _ => OnDelete::NoAction,
            },
            match_full: letter(row, 7) == 'f',
            deferrable: row.get(8),
            validated: row.get(9),
        })
    }

    fn sequence(&self, row: &Row) -> Sequence {
        let owner: Option<u32> = row.get(4);
        let attribute: Option<i16> = row.get(5);
        let column = owner.zip(attribute).and_then(|(oid, number)| {
            let entry = self.entries.get(&oid)?;
            Some((entry.table.name.clone(), entry.attributes.get(&number)?.clone()))
        });
        Sequence {
            name: TableName::new(row.get::<_, &str>(0), row.get::<_, &str>(1)),
            column,
            increment: row.get(2),
            last_value: row.get(3),
        }
    }
}

fn table_of(row: &Row, name: TableName, names: &HashMap<u32, TableName>) -> Table {
    let related = |index: usize| row.get::<_, Option<u32>>(index).and_then(|oid| names.get(&oid).cloned());
    let kind = match (row.get::<_, bool>(4), related(12), related(13), row.get::<_, Option<String>>(11)) {
        (true, Some(root), _, _) => TableKind::Partition { root },
        (_, _, _, Some(key)) => TableKind::Partitioned { key },
        (false, _, Some(parent), None) => TableKind::Inherited { parent },
        _ => TableKind::Ordinary,
    };
    Table {
        name,
        kind,
        columns: Vec::new(),
        primary_key: None,
        uniques: Vec::new(),
        exclusions: Vec::new(),
        checks: Vec::new(),
        triggers: Vec::new(),
        rls_enabled: row.get(5),
        rls_forced: row.get(6),
        replica_identity: letter(row, 7),
        replica_identity_columns: None,
        // A count beyond 2^63 does not exist; the cast saturates all the same.
        estimated_rows: row.get::<_, f64>(8) as i64,
        size_bytes: row.get(9),
        comment: row.get(10),
        index_columns: Vec::new(),
        special_indexes: Vec::new(),
    }
}

fn add_index(entry: &mut Entry, row: &Row) {
    let numbers: Vec<i16> = row.get(2);
    let key_length = usize::try_from(row.get::<_, i16>(3)).unwrap_or(0).min(numbers.len());
    let keys = numbers.get(..key_length).unwrap_or_default();
    let (primary, unique, valid): (bool, bool, bool) = (row.get(4), row.get(5), row.get(6));
    let (partial, expression): (bool, bool) = (row.get(8), row.get(9));
    let columns = entry.names(keys);
    if valid && matches!(row.get::<_, &str>(10), "btree" | "hash") {
        let leading: Vec<String> = keys.iter().map_while(|number| entry.attributes.get(number).cloned()).collect();
        // A partial index serves a join only if it leaves out nothing but NULLs of its own leading column.
        let serves = match (partial, leading.first(), row.get::<_, Option<&str>>(14)) {
            (false, _, _) => true,
            (true, Some(first), Some(predicate)) => {
                predicate == format!("({first} IS NOT NULL)")
                    || predicate == format!("({} IS NOT NULL)", super::quote_ident(first))
            }
            _ => false,
        };
        if serves && !leading.is_empty() {
            entry.table.index_columns.push(leading);
        }
        if let Some(keys) = row.get(15) {
            entry.table.special_indexes.push(SpecialIndex { keys, predicate: row.get(14) });
        }
    }
    if !unique || !valid {
        return;
    }
    if row.get(7) {
        entry.table.replica_identity_columns = columns.clone();
    }
    if primary {
        entry.table.primary_key = columns;
        return;
    }
    entry.table.uniques.push(Unique {
        name: row.get(1),
        columns: if expression { Vec::new() } else { columns.unwrap_or_default() },
        definition: row.get::<_, Option<String>>(13).unwrap_or_default(),
        partial,
        expression,
        deferrable: row.get(12),
        nulls_not_distinct: row.get(11),
    });
}

fn publications_of(rows: &[Row]) -> Vec<Publication> {
    let mut all: Vec<Publication> = Vec::new();
    for row in rows {
        let name: String = row.get(0);
        let table = row
            .get::<_, Option<&str>>(1)
            .zip(row.get::<_, Option<&str>>(2))
            .map(|(schema, table)| TableName::new(schema, table));
        match all.last_mut() {
            Some(last) if last.name == name => last.tables.extend(table),
            _ => all.push(Publication { name, tables: table.into_iter().collect() }),
        }
    }
    all
}
