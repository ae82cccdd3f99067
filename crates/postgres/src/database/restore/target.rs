//! The target: empty, able to hold what was captured, and marked while the restore runs.

use super::super::{Error, Manifest, Ownership, Result};
use crate::{
    connect::Session,
    schema::{quote_ident, quote_literal},
};
use tokio_postgres::error::SqlState;

/// A schema that stands while a restore runs: two restores at once, or a second after a broken one, find it.
pub(super) const MARK: &str = "keepsake_restore_unfinished";

/// What is in the database that was not there when it was created from template0: the first oid given to a user's object is
/// 16384. The mark comes first.
const FOUND: &str = "
SELECT what FROM (
  SELECT CASE WHEN nspname = $1 THEN 0 ELSE 2 END AS rank, 'schema ' || nspname AS what
         FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'
  UNION ALL SELECT 1, 'extension ' || extname FROM pg_extension WHERE oid >= 16384
  UNION ALL SELECT 3, CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'S' THEN 'sequence ' ELSE 'table ' END
                      || n.nspname || '.' || c.relname
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
                  AND n.nspname !~ '^pg_'
  UNION ALL SELECT 4, 'large object ' || oid FROM pg_largeobject_metadata
  UNION ALL SELECT 5, 'event trigger ' || evtname FROM pg_event_trigger
  UNION ALL SELECT 6, 'publication ' || pubname FROM pg_publication
  UNION ALL SELECT 7, 'function ' || n.nspname || '.' || p.proname FROM pg_proc p
            JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384 AND n.nspname !~ '^pg_'
  UNION ALL SELECT 8, 'type ' || n.nspname || '.' || t.typname FROM pg_type t
            JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE t.oid >= 16384 AND t.typrelid = 0 AND t.typelem = 0 AND n.nspname !~ '^pg_'
) found ORDER BY rank, what LIMIT 10";

/// Refuses a target that holds anything.
pub(super) async fn empty(session: &Session) -> Result<()> {
    let what = "look whether the target is empty";
    let rows = session.client.query(FOUND, &[&MARK]).await.map_err(Error::server(what))?;
    let found: Vec<String> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    if found.is_empty() {
        return Ok(());
    }
    let unfinished = found.first().is_some_and(|first| *first == format!("schema {MARK}"));
    Err(Error::NotEmpty { found, unfinished })
}

/// Refuses a target that cannot hold the capture.
pub(super) async fn fits(session: &Session, manifest: &Manifest) -> Result<()> {
    if session.standby {
        return Err(Error::Target { problem: "the server is a standby and cannot be written to".to_owned() });
    }
    let (target, source) =
        (u32::try_from(session.server_version / 10_000).unwrap_or(0), manifest.server_version / 10_000);
    if target < source {
        let problem = format!("it runs PostgreSQL {target}, the source ran {source}: restore into {source} or later");
        return Err(Error::Target { problem });
    }
    let what = "read the target's encoding";
    let sql = "SELECT pg_encoding_to_char(encoding)::text FROM pg_database WHERE datname = current_database()";
    let row = session.client.query_one(sql, &[]).await.map_err(Error::server(what))?;
    let encoding: String = row.try_get(0).map_err(Error::server(what))?;
    let source = &manifest.database.encoding;
    // Every encoding but "none" has a place in UTF-8.
    if encoding == *source || (encoding == "UTF8" && source != "SQL_ASCII") {
        return Ok(());
    }
    let problem = format!(
        "its encoding is {encoding}, the source's {source}: create it with ENCODING '{source}' TEMPLATE template0"
    );
    Err(Error::Target { problem })
}

/// Refuses if roles of the capture are missing, or are none that this login may give objects to.
pub(super) async fn roles(session: &Session, manifest: &Manifest, ownership: Ownership) -> Result<()> {
    let wanted = match ownership {
        Ownership::Keep => &manifest.roles,
        Ownership::Skip => &manifest.needed_roles,
    };
    let what = "look for the roles of the capture";
    let sql = "SELECT rolname::text, pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = ANY($1)";
    let rows = session.client.query(sql, &[wanted]).await.map_err(Error::server(what))?;
    let mut usable = std::collections::BTreeSet::new();
    for row in &rows {
        let name: String = row.try_get(0).map_err(Error::server(what))?;
        let member: bool = row.try_get(1).map_err(Error::server(what))?;
        // The cluster's own roles are given privileges, never objects.
        if member || ownership == Ownership::Skip || name.starts_with("pg_") {
            usable.insert(name);
        }
    }
    let lacking: Vec<String> = wanted.iter().filter(|name| !usable.contains(*name)).cloned().collect();
    if lacking.is_empty() { Ok(()) } else { Err(Error::Roles { roles: lacking }) }
}

/// Marks the target: from here on, until [`unmark`], nobody takes it for empty or for restored.
pub(super) async fn mark(session: &Session) -> Result<()> {
    let comment = quote_literal("A restore by Keepsake runs here, or was broken off: this database is not whole.");
    let sql = format!("BEGIN; CREATE SCHEMA {MARK}; COMMENT ON SCHEMA {MARK} IS {comment}; COMMIT");
    match session.client.batch_execute(&sql).await {
        Ok(()) => Ok(()),
        Err(error)
            if error.code() == Some(&SqlState::DUPLICATE_SCHEMA)
                || error.code() == Some(&SqlState::UNIQUE_VIOLATION) =>
        {
            Err(Error::NotEmpty { found: vec![format!("schema {MARK}")], unfinished: true })
        }
        Err(error) => Err(Error::server("mark the target as being restored")(error)),
    }
}

/// Takes the mark away. With synchronous commit, so that everything before it is durable too.
pub(super) async fn unmark(session: &Session) -> Result<()> {
    let sql = format!("SET synchronous_commit = on; DROP SCHEMA {}", quote_ident(MARK));
    session.client.batch_execute(&sql).await.map_err(Error::server("mark the target as restored"))
}
