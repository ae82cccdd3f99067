//! Committing, and finding out what became of a commit whose answer never came.
//!
//! A connection can break after COMMIT was sent and before its answer was read; the server knows the outcome and tells it by
//! the transaction's id. That answer is only worth something from the same server with the same history: after a failover
//! the id may be another transaction's, and after a crash too, if nothing with a later id was on disk. So a [`Witness`] is
//! called before the commit: a session of its own that sees the transaction in progress, notes which history it sees it in,
//! and commits something, which puts every id up to its own on disk. Ids that are on disk are never given out again.
//!
//! Where no witness can be had the restore goes on, and a commit that is cut off stays [`Error::CommitUnknown`].

use super::{
    Error,
    apply::ApplyOptions,
    error::{Cause, silence},
};
use crate::connect::{self, Dsn, Purpose, Session};
use std::time::Duration;
use tokio_postgres::{Transaction, error::Severity, types::Type};
use tokio_util::sync::CancellationToken;

/// Longest wait for a witness. The wedding's rows are locked meanwhile.
const WITNESS_WITHIN: Duration = Duration::from_secs(5);

/// How long somebody who cancelled still waits for an answer: nearly always enough, and better than not to know.
const AFTER_CANCEL: Duration = Duration::from_secs(3);

/// Pauses between two questions: the first, doubled up to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The cluster and its timeline: within one, a transaction id that reached the disk means one transaction.
const HISTORY: &str = "(SELECT system_identifier::text FROM pg_control_system()) || '/' || \
                       left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)";

/// What makes the outcome of a transaction certain after its connection is gone.
#[derive(Debug)]
pub(super) struct Witness {
    dsn: Dsn,
    transaction: u64,
    history: Option<String>,
}

impl Witness {
    /// Calls a witness for a transaction that is about to commit.
    pub(super) async fn call(dsn: &Dsn, transaction: u64) -> Self {
        let history = match tokio::time::timeout(WITNESS_WITHIN, see(dsn, transaction)).await {
            Ok(Ok(history)) => history,
            Ok(Err(error)) => {
                tracing::debug!(%error, "no second session can witness the commit");
                None
            }
            Err(_) => None,
        };
        Self { dsn: dsn.clone(), transaction, history }
    }

    /// Turns the answer to a commit into a certain one if it is not: asks until the server says what became of it, `within`
    /// is over or the caller cancels. A session that was cut off is replaced by the one that brought the answer.
    pub(super) async fn settle(
        &self,
        session: &mut Session,
        answer: Result<(), Error>,
        options: &ApplyOptions<'_>,
    ) -> Result<(), Error> {
        let Err(Error::CommitUnknown { transaction, source }) = answer else { return answer };
        let unknown = |source| Err(Error::CommitUnknown { transaction, source });
        let Some(history) = &self.history else { return unknown(source) };
        tracing::warn!(transaction, cause = %source, "the commit was not answered; asking the server what became of it");
        let found = tokio::select! {
            found = self.until_known(history) => found,
            () = tokio::time::sleep(options.outcome_within) => return unknown(source),
            () = hurried(options.cancel) => return unknown(source),
        };
        let (committed, asked) = found;
        *session = asked;
        if committed { Ok(()) } else { Err(Error::Database { what: "committing".to_owned(), source }) }
    }

    async fn until_known(&self, history: &str) -> (bool, Session) {
        let (mut pause, longest) = PAUSES;
        loop {
            match self.ask(history).await {
                Ok(Some(known)) => return known,
                Ok(None) => tracing::debug!("the outcome of the commit is not known yet"),
                Err(error) => tracing::debug!(%error, "the outcome of the commit cannot be asked for yet"),
            }
            tokio::time::sleep(pause).await;
            pause = longest.min(pause * 2);
        }
    }

    /// One question in a new session. `None` while the transaction is running, and from a server with another history.
    async fn ask(&self, history: &str) -> Result<Option<(bool, Session)>, Error> {
        let session = connect::connect(&self.dsn, Purpose::Restore).await.map_err(unreachable)?;
        let row = session.client.query_typed_one(&format!("SELECT {HISTORY}"), &[]).await;
        let now: Option<String> = row.map_err(Error::database("asking a server for its history"))?.get(0);
        if now.as_deref() != Some(history) {
            return Ok(None);
        }
        Ok(outcome(&session, self.transaction).await?.map(|committed| (committed, session)))
    }
}

/// The history in which a new session sees the transaction in progress, `None` if it does not. What it commits, an empty
/// message to whoever decodes the WAL, does not wait for standbys.
async fn see(dsn: &Dsn, transaction: u64) -> Result<Option<String>, Error> {
    let session = connect::connect(dsn, Purpose::Restore).await.map_err(unreachable)?;
    let query = format!(
        "SELECT CASE WHEN pg_xact_status($1::text::xid8) = 'in progress' THEN {HISTORY} END, \
         set_config('synchronous_commit', 'local', true), pg_logical_emit_message(true, 'keepsake.commit', '')"
    );
    let row = session.client.query_typed_one(&query, &[(&transaction.to_string(), Type::TEXT)]).await;
    Ok(row.map_err(Error::database("witnessing the commit"))?.get(0))
}

fn unreachable(error: connect::Error) -> Error {
    Error::Database { what: "connecting again".to_owned(), source: Box::new(Cause::from(&error)) }
}

/// Commits. Cancelling no longer helps, but ends the wait for an answer that does not come.
pub(super) async fn commit(tx: Transaction<'_>, transaction: u64, options: &ApplyOptions<'_>) -> Result<(), Error> {
    let unknown = |source| Err(Error::CommitUnknown { transaction, source: Box::new(source) });
    // The server ends the commit itself after the first; zero is no limit.
    let longest = match options.statement_timeout {
        Duration::ZERO => Duration::MAX,
        statement => statement.saturating_add(AFTER_CANCEL),
    };
    let answer = tokio::select! {
        answer = tx.commit() => answer,
        () = tokio::time::sleep(longest) => return unknown(silence()),
        () = hurried(options.cancel) => return unknown(silence()),
    };
    match answer {
        Ok(()) => Ok(()),
        Err(source) if refused(&source) => Err(Error::database("committing")(source)),
        Err(source) => unknown(Cause::from(&source)),
    }
}

/// An error of the statement, after which the server has rolled back. Anything that ends the session, or comes from
/// something between, may have come after the commit.
fn refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|server| {
        let of_the_session = ["08", "57P", "58", "XX"].iter().any(|class| server.code().code().starts_with(class));
        server.parsed_severity() == Some(Severity::Error) && !of_the_session
    })
}

async fn hurried(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(AFTER_CANCEL).await;
}

/// Whether a transaction whose commit was cut off took effect: `None` while it is still running, or if the server has
/// forgotten it. To be asked of the server that ran it; [`apply`](super::apply) asks by itself.
///
/// # Errors
/// [`Error::Database`].
pub async fn outcome(session: &Session, transaction: u64) -> Result<Option<bool>, Error> {
    let query = "SELECT pg_xact_status($1::text::xid8)";
    let row = session.client.query_typed_one(query, &[(&transaction.to_string(), Type::TEXT)]).await;
    let status: Option<String> = row.map_err(Error::database("asking for the outcome of a restore"))?.get(0);
    Ok(match status.as_deref() {
        Some("committed") => Some(true),
        Some("aborted") => Some(false),
        _ => None,
    })
}
