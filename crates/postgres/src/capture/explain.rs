//! From what a server answers to what a person can do about it.

use super::{Error, Result};
use crate::{
    connect::{ServerError, Session},
    mapping::{Bound, Mapping},
    schema::{self, Schema, TableName, quote_ident},
};
use std::collections::BTreeSet;
use tokio_postgres::error::SqlState;

/// Why the transaction could not be begun.
#[derive(Debug)]
pub(super) enum BeginError {
    Lock(ServerError),
    Schema(schema::Error),
}

impl BeginError {
    pub(super) fn lock(error: tokio_postgres::Error) -> Self {
        Self::Lock(error.into())
    }

    /// A lock was not had in time.
    pub(super) fn is_lock_wait(&self) -> bool {
        matches!(self, Self::Lock(source) if source.is(&SqlState::LOCK_NOT_AVAILABLE))
    }
}

/// The tables that a mapping names and a capture reads: owned ones, and shared ones outside identity schemas.
pub(super) fn tables(mapping: &Mapping) -> BTreeSet<&TableName> {
    let shared = mapping.edges.iter().map(|edge| &edge.to);
    let read = |name: &&TableName| !mapping.rules.identity_schemas.contains(&name.schema);
    let owned = mapping.tables.iter().map(|table| &table.name);
    [&mapping.wedding.table].into_iter().chain(owned).chain(shared.filter(read)).collect()
}

/// Binds the mapping.
pub(super) fn bind(mapping: &Mapping, text: Option<&str>, schema: &Schema) -> Result<Bound> {
    mapping.bind(schema).map_err(|problems| Error::Mapping {
        problems: problems
            .into_iter()
            .map(|problem| text.map_or_else(|| problem.to_string(), |text| problem.clone().located(text).to_string()))
            .collect(),
    })
}

/// Explains why the tables could not be locked or the catalog not be read.
pub(super) async fn begin(session: &Session, mapping: &Mapping, text: Option<&str>, error: BeginError) -> Error {
    let source = match error {
        BeginError::Lock(source) => source,
        BeginError::Schema(error) => return Error::Schema(error),
    };
    if source.is(&SqlState::LOCK_NOT_AVAILABLE) {
        return Error::Locked { source };
    }
    if source.is(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return denied(session, &tables(mapping), source).await;
    }
    let misnamed = [SqlState::UNDEFINED_TABLE, SqlState::INVALID_SCHEMA_NAME, SqlState::WRONG_OBJECT_TYPE];
    if misnamed.iter().any(|code| source.is(code)) && session.client.batch_execute("ROLLBACK").await.is_ok() {
        match schema::read(&session.client).await {
            Ok(schema) => {
                if let Err(error) = bind(mapping, text, &schema) {
                    return error;
                }
            }
            Err(error) => return Error::Schema(error),
        }
    }
    Error::read("the tables of the mapping", source)
}

/// Explains a refusal that came while rows were read.
pub(super) async fn refusal(session: &Session, bound: &Bound, error: Error) -> Error {
    let Error::Read { what, source } = error else { return error };
    if !source.is(&SqlState::INSUFFICIENT_PRIVILEGE) {
        return Error::Read { what, source };
    }
    if source.message().contains("row-level security") {
        return Error::RowSecurity { role: quoted(session.dsn().user()), source };
    }
    let shared = bound.shared.values().filter(|shared| !shared.identity).map(|shared| &shared.name);
    denied(session, &bound.tables.iter().map(|table| &table.name).chain(shared).collect(), source).await
}

/// Names every table that the role may not read, and the GRANT that lets it.
async fn denied(session: &Session, wanted: &BTreeSet<&TableName>, source: ServerError) -> Error {
    let unexplained = |source| Error::read("the tables of the mapping", source);
    if session.client.batch_execute("ROLLBACK").await.is_err() {
        return unexplained(source);
    }
    let schemas: Vec<&str> = wanted.iter().map(|name| name.schema.as_str()).collect();
    let names: Vec<&str> = wanted.iter().map(|name| name.table.as_str()).collect();
    let sql = "SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
               FROM unnest($1::text[], $2::text[]) w(s, t) \
               JOIN pg_catalog.pg_namespace n ON n.nspname = w.s \
               JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.t \
               WHERE NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') \
               OR NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1, 2";
    let Ok(rows) = session.client.query(sql, &[&schemas, &names]).await else { return unexplained(source) };
    if rows.is_empty() {
        return unexplained(source);
    }
    let role = quoted(session.dsn().user());
    let tables: Vec<TableName> =
        rows.iter().map(|row| TableName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect();
    let closed: BTreeSet<String> =
        rows.iter().filter(|row| !row.get::<_, bool>(2)).map(|row| quote_ident(row.get(0))).collect();
    let mut grant: Vec<String> =
        closed.into_iter().map(|schema| format!("GRANT USAGE ON SCHEMA {schema} TO {role};")).collect();
    let list: Vec<String> = tables.iter().map(TableName::sql).collect();
    grant.push(format!("GRANT SELECT ON {} TO {role};", list.join(", ")));
    Error::Privilege { role, tables, grant: grant.join(" ") }
}

/// A role's name as one writes it in SQL.
fn quoted(role: &str) -> String {
    let plain = role.starts_with(|char: char| char.is_ascii_lowercase() || char == '_')
        && role.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
    if plain { role.to_owned() } else { quote_ident(role) }
}
