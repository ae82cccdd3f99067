//! Keepsake yields (safety rule S10): whoever waits for a lock that a long read of ours keeps from it comes first.
//!
//! A reader holds ACCESS SHARE locks, which only ACCESS EXCLUSIVE requests (ALTER, DROP, TRUNCATE, VACUUM FULL) wait for; but
//! while one waits, every later query of that table waits behind it. So the watchdog looks at the lock table from a session
//! of its own, and says when to give way.

use super::{Dsn, Error, Purpose, Result, Session, connect};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Why a reader should end now.
#[derive(Debug)]
pub enum Verdict {
    /// Somebody has waited too long for a table that the reader has locked.
    Yield {
        /// The table waited for.
        table: String,
    },
    /// The lock table cannot be looked at, so nobody would notice a waiter.
    Blind(Error),
}

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Watches over the readers with these backend pids and returns only when they should end: when an ACCESS EXCLUSIVE request
/// has waited `patience` for one of them, or when no look was possible for as long. Drop it when the readers are done.
///
/// The first look, and with it the extra connection, comes after half a second: short reads never need it.
pub async fn watch(dsn: &Dsn, pids: &[i32], patience: Duration) -> Verdict {
    let mut waiters: HashMap<i32, Instant> = HashMap::new();
    let mut session: Option<Session> = None;
    let mut last_look = Instant::now();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match look(dsn, &mut session, pids).await {
            Ok(found) => {
                last_look = Instant::now();
                waiters.retain(|pid, _| found.iter().any(|(waiting, _)| waiting == pid));
                for (pid, table) in found {
                    let since = *waiters.entry(pid).or_insert(last_look);
                    if since.elapsed() >= patience.saturating_sub(LOOK_EVERY) {
                        return Verdict::Yield { table };
                    }
                }
            }
            Err(error) => {
                session = None;
                if last_look.elapsed() >= patience {
                    return Verdict::Blind(error);
                }
            }
        }
    }
}

/// Pids that wait for an ACCESS EXCLUSIVE lock on a table that one of ours has locked, with the table's name.
async fn look(dsn: &Dsn, session: &mut Option<Session>, pids: &[i32]) -> Result<Vec<(i32, String)>> {
    let session = match session {
        Some(session) => session,
        None => session.insert(connect(dsn, Purpose::Inspect).await?),
    };
    let sql = "SELECT DISTINCT w.pid, w.relation::pg_catalog.regclass::pg_catalog.text \
               FROM pg_catalog.pg_locks w JOIN pg_catalog.pg_locks h USING (locktype, database, relation) \
               WHERE w.locktype = 'relation' AND NOT w.granted AND w.mode = 'AccessExclusiveLock' \
               AND h.granted AND h.pid = ANY($1)";
    let rows = session.client.query(sql, &[&pids]).await.map_err(Error::statement("look at the lock table"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
