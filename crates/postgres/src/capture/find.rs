//! Whether weddings exist, and how the database writes their ids: asked before anything is made for them.

use super::{Error, Result};
use crate::{
    connect::{ServerError, Session},
    mapping::Mapping,
    schema::quote_ident,
};
use tokio_postgres::error::SqlState;

/// The ids of weddings as the database writes them, in the order asked for, without repetitions.
///
/// # Errors
/// [`Error::UnknownWedding`] with those that do not exist; [`Error::Mapping`] if the root table or its id column does not;
/// [`Error::Read`].
pub async fn find(session: &Session, mapping: &Mapping, ids: &[String]) -> Result<Vec<String>> {
    let root = &mapping.wedding;
    let read = |error| Error::Read { what: format!("the ids of {}", root.table), source: ServerError::from(error) };
    let kind = session
        .client
        .query_opt(
            "SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a \
             JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND NOT a.attisdropped AND a.attnum > 0",
            &[&root.table.schema, &root.table.table, &root.id],
        )
        .await
        .map_err(read)?;
    let Some(kind) = kind.map(|row| row.get::<_, String>(0)) else {
        let problem = format!("there is no column {} in {}", root.id, root.table);
        return Err(Error::Mapping { problems: vec![problem] });
    };
    let (table, column) = (root.table.sql(), quote_ident(&root.id));
    // The server puts the text into the column's own form, whatever its type, and finds it by its index.
    let statement = format!("SELECT (t.{column})::text FROM {table} t WHERE t.{column} = $1::text::{kind}");
    let failed = |error: tokio_postgres::Error| {
        if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) { denied(session, root, error) } else { read(error) }
    };
    // Row-level security is found when the statement is prepared, a missing right when it runs.
    let statement = session.client.prepare(&statement).await.map_err(failed)?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        match session.client.query_opt(&statement, &[id]).await {
            Ok(Some(row)) => {
                let written: String = row.get(0);
                if !found.contains(&written) {
                    found.push(written);
                }
            }
            Ok(None) => unknown.push(id.chars().take(80).collect()),
            Err(error) if is_no_value(&error) => unknown.push(id.chars().take(80).collect()),
            Err(error) => return Err(failed(error)),
        }
    }
    if unknown.is_empty() { Ok(found) } else { Err(Error::UnknownWedding { ids: unknown, table: root.table.clone() }) }
}

/// The text is no value of the column's type.
fn is_no_value(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| code.code().starts_with("22"))
}

fn denied(session: &Session, root: &crate::mapping::Root, error: tokio_postgres::Error) -> Error {
    let role = quote_ident(session.dsn().user());
    let source = ServerError::from(error);
    if source.message().contains("row-level security") {
        return Error::RowSecurity { role, source };
    }
    let grant = format!("GRANT SELECT ON {} TO {role}", root.table.sql());
    Error::Privilege { role, tables: vec![root.table.clone()], grant }
}
