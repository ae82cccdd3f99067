//! Whether anything was written to a database at all: a cheap question before an expensive one (safety rule S11).

use super::{Error, Result};
use crate::connect::{ServerError, Session};

/// How long the server may take to count a change that is committed: sessions report what they did when they are idle for 10 s at the
/// latest. What is counted now is the state of so long ago.
pub const COUNTED_AFTER: std::time::Duration = std::time::Duration::from_secs(15);

/// The server's count of rows written in this database, with what tells one count from another after a restart or a reset. Equal
/// texts: nothing was written in between. Anything else says nothing, and neither does a standby (`None`), which does not count what it
/// replays.
///
/// # Errors
/// [`Error::Read`].
pub async fn activity(session: &Session) -> Result<Option<String>> {
    // A TRUNCATE counts as no deletion, but leaves no living rows.
    let statement = "SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN \
                     coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::text || ' ' || coalesce(sum(n_live_tup), 0)::text \
                     || ' ' || count(*)::text || ' ' || \
                     coalesce((SELECT stats_reset::text FROM pg_catalog.pg_stat_database WHERE datname = current_database()), '') \
                     || ' ' || pg_catalog.pg_postmaster_start_time()::text END \
                     FROM pg_catalog.pg_stat_user_tables";
    let row = session.client.query_one(statement, &[]).await;
    let read = |error| Error::Read { what: "the server's statistics".to_owned(), source: ServerError::from(error) };
    Ok(row.map_err(read)?.get(0))
}
