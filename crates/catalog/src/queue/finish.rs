//! Ending a job, in the transaction that records what came of it.

use super::Claimed;
use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

/// How a run ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Done.
    Done,
    /// Stopped on request.
    Cancelled,
    /// Failed in a way that trying again will not mend.
    Failed(serde_json::Value),
    /// Failed; it is tried again then, unless it was tried often enough.
    Retry(serde_json::Value, Timestamp),
}

/// Ends a job. Returns whether it is dead: it failed for the last time.
///
/// # Errors
/// [`Error::Conflict`] if the lease is no longer this worker's: the transaction must be dropped, for another one has the
/// job now; else by cause.
pub async fn finish(tx: &mut Tx, job: &Claimed, outcome: &Outcome, now: Timestamp) -> Result<bool> {
    let (state, error, again) = match outcome {
        Outcome::Done => ("done", None, None),
        Outcome::Cancelled => ("cancelled", None, None),
        Outcome::Failed(error) => ("failed", Some(error), None),
        Outcome::Retry(error, _) if job.attempt >= job.attempts_max => ("dead", Some(error), None),
        Outcome::Retry(error, at) => ("queued", Some(error), Some(*at)),
    };
    let done = sqlx::query!(
        "UPDATE keepsake.backup_jobs
         SET state = $3, error = $4, run_after = coalesce($5, run_after), leased_by = NULL, lease = NULL, leased_until = NULL,
             ended_at = CASE WHEN $3 = 'queued' THEN NULL ELSE $6::timestamptz END
         WHERE id = $1 AND state = 'leased' AND lease = $2",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        state,
        error,
        again.map(|at| at.to_sqlx()) as _,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(state == "dead") } else { Err(Error::Conflict) }
}
