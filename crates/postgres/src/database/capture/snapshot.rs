//! The one snapshot that everything of a capture is read from.
//!
//! Tables are locked (ACCESS SHARE) before the snapshot is taken: a TRUNCATE or a rewrite between the two would leave a
//! table that reads as empty and no trace of it. Under REPEATABLE READ a LOCK takes no snapshot yet.

use super::{
    super::{Error, Result},
    catalog::{self, Relation},
};
use crate::connect::{Dsn, Purpose, Session, connect};
use jiff::Timestamp;
use tokio_postgres::error::SqlState;

/// The session that holds the snapshot open; others join it by name.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) session: Session,
    /// `pg_export_snapshot()`.
    pub(super) name: String,
    /// `pg_current_snapshot()`.
    pub(super) text: String,
    pub(super) taken_at: Timestamp,
    pub(super) lsn: Option<String>,
    /// All relations, as the snapshot has them.
    pub(super) relations: Vec<Relation>,
}

/// Seconds to wait for a lock that somebody holds already.
const LOCK_PATIENCE_S: u32 = 5;
/// How often the list of tables may change between reading and locking it.
const MOST_TRIES: u32 = 5;
/// Tables locked by one statement.
const LOCKED_AT_A_TIME: usize = 500;

/// Takes the snapshot, all tables locked.
pub(super) async fn take(dsn: &Dsn, application: &str) -> Result<Snapshot> {
    let session = connect(dsn, Purpose::Capture).await?;
    prepare(&session, application).await?;
    for _ in 0..MOST_TRIES {
        let listed = catalog::relations(&session).await?;
        catalog::readable(dsn.user(), &listed)?;
        if !lock(&session, &listed).await? {
            rollback(&session).await?;
            continue;
        }
        let (name, text, taken_at, lsn) = export(&session).await?;
        let relations = catalog::relations(&session).await?;
        if lockable(&listed).map(|r| (r.oid, &r.name)).eq(lockable(&relations).map(|r| (r.oid, &r.name))) {
            catalog::readable(dsn.user(), &relations)?;
            return Ok(Snapshot { session, name, text, taken_at, lsn, relations });
        }
        rollback(&session).await?;
    }
    Err(Error::Unsettled)
}

/// A further session that sees the snapshot.
pub(super) async fn join(dsn: &Dsn, application: &str, snapshot: &str) -> Result<Session> {
    let session = connect(dsn, Purpose::Capture).await?;
    prepare(&session, application).await?;
    let name = crate::schema::quote_literal(snapshot);
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {name}");
    session.client.batch_execute(&begin).await.map_err(Error::server("join the snapshot"))?;
    Ok(session)
}

/// Names the session and bounds its waiting: even asking for a table's size waits for who changes it.
async fn prepare(session: &Session, application: &str) -> Result<()> {
    let name = crate::schema::quote_literal(application);
    let sql = format!("SET application_name = {name}; SET lock_timeout = '{LOCK_PATIENCE_S}s'");
    session.client.batch_execute(&sql).await.map_err(Error::server("prepare the session"))
}

async fn rollback(session: &Session) -> Result<()> {
    session.client.batch_execute("ROLLBACK").await.map_err(Error::server("roll back"))
}

fn lockable(relations: &[Relation]) -> impl Iterator<Item = &Relation> {
    relations.iter().filter(|relation| matches!(relation.kind, 'r' | 'p') && relation.wanted())
}

/// Begins the transaction and locks all tables; false if one was dropped meanwhile.
async fn lock(session: &Session, relations: &[Relation]) -> Result<bool> {
    let mut sql = String::from("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;");
    let tables: Vec<String> = lockable(relations).map(|relation| format!("ONLY {}", relation.name.sql())).collect();
    for some in tables.chunks(LOCKED_AT_A_TIME) {
        sql.push_str(&format!(" LOCK TABLE {} IN ACCESS SHARE MODE;", some.join(", ")));
    }
    let Err(error) = session.client.batch_execute(&sql).await else { return Ok(true) };
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::INVALID_SCHEMA_NAME => Ok(false),
        _ => Err(Error::server("lock the tables for reading")(error)),
    }
}

async fn export(session: &Session) -> Result<(String, String, Timestamp, Option<String>)> {
    let what = "take a snapshot";
    let sql = "SELECT pg_export_snapshot(), pg_current_snapshot()::text, \
               to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), \
               CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text";
    let row = session.client.query_one(sql, &[]).await.map_err(Error::server(what))?;
    let time: String = row.try_get(2).map_err(Error::server(what))?;
    let taken_at = time.parse().map_err(|_| Error::Target { problem: format!("the server's clock says {time}") })?;
    Ok((
        row.try_get(0).map_err(Error::server(what))?,
        row.try_get(1).map_err(Error::server(what))?,
        taken_at,
        row.try_get(3).map_err(Error::server(what))?,
    ))
}
