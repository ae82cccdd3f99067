//! Keepsake yields (safety rule S10): a schema change that waits for a capture comes first, since every later query of
//! its table queues behind it.
//!
//! The session that holds the snapshot looks at the lock table, so that watching costs no further connection (S11).
//! `pg_dump`'s session is found by its application name.

use super::super::{Error, Result};
use crate::connect::Session;
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, sleep};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Sessions that wait for a lock that a session of this capture holds.
const WAITERS: &str = "
SELECT DISTINCT l.pid FROM pg_locks l
WHERE NOT l.granted AND l.mode = 'AccessExclusiveLock' AND pg_blocking_pids(l.pid) &&
      ARRAY(SELECT a.pid FROM pg_stat_get_activity(NULL) a WHERE a.application_name = $1)";

/// Returns only with an error: when somebody has waited for `patience`, or when it cannot look.
pub(super) async fn watch(session: &Session, application: &str, patience: Duration) -> Error {
    match look_until(session, application, patience).await {
        Ok(error) | Err(error) => error,
    }
}

async fn look_until(session: &Session, application: &str, patience: Duration) -> Result<Error> {
    let what = "watch for schema changes that wait";
    let waiters_of = session.client.prepare(WAITERS).await.map_err(Error::server(what))?;
    let mut waiters: HashMap<i32, Instant> = HashMap::new();
    loop {
        sleep(LOOK_EVERY.min(patience)).await;
        // The list of sessions is kept for the length of a transaction unless it is cleared.
        session.client.batch_execute("SELECT pg_stat_clear_snapshot()").await.map_err(Error::server(what))?;
        let rows = session.client.query(&waiters_of, &[&application]).await.map_err(Error::server(what))?;
        let waiting: Vec<i32> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
        let now = Instant::now();
        waiters.retain(|pid, _| waiting.contains(pid));
        for pid in waiting {
            if now.duration_since(*waiters.entry(pid).or_insert(now)) >= patience {
                return Ok(Error::YieldedToDdl { seconds: patience.as_secs() });
            }
        }
    }
}
