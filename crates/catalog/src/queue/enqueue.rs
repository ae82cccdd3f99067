//! Asking for work, and asking for it to stop.

use super::Kind;
use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{ConfigurationId, JobId, OrganisationId, SourceId, WeddingId};
use std::time::Duration;

/// Work to be done.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// For whom.
    pub organisation: OrganisationId,
    /// What kind of work.
    pub kind: Kind,
    /// 1 to 10; 10 is most urgent.
    pub priority: i16,
    /// Whether it takes the emergency lane.
    pub emergency: bool,
    /// The source that it works on; its limit of connections counts it.
    pub source: Option<SourceId>,
    /// The wedding, if it is about one.
    pub wedding: Option<WeddingId>,
    /// The configuration that wants it.
    pub configuration: Option<ConfigurationId>,
    /// What the worker needs to know.
    pub payload: serde_json::Value,
    /// While a job with this key waits or runs, it is not enqueued again.
    pub dedup_key: Option<String>,
    /// Not before.
    pub run_after: Timestamp,
    /// Not begun after.
    pub start_before: Option<Timestamp>,
    /// Stopped at.
    pub finish_before: Option<Timestamp>,
    /// How often it is tried.
    pub attempts_max: u16,
    /// A run without progress for so long is stopped.
    pub stall_limit: Duration,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Puts a job into the queue, in the caller's transaction. `false`: one with the same key waits or runs already.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn enqueue(tx: &mut Tx, job: &NewJob) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO keepsake.backup_jobs (id, organisation_id, kind, priority, emergency, source_id, wedding_id,
             configuration_id, payload, dedup_key, run_after, start_before, finish_before, attempts_max, stall_limit_s, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (organisation_id, dedup_key) WHERE state IN ('queued', 'leased') DO NOTHING",
        job.id.as_uuid(),
        job.organisation.as_uuid(),
        job.kind.name(),
        job.priority,
        job.emergency,
        job.source.as_ref().map(SourceId::as_uuid),
        job.wedding.as_ref().map(WeddingId::as_uuid),
        job.configuration.as_ref().map(ConfigurationId::as_uuid),
        job.payload,
        job.dedup_key,
        job.run_after.to_sqlx() as _,
        job.start_before.map(|at| at.to_sqlx()) as _,
        job.finish_before.map(|at| at.to_sqlx()) as _,
        i32::from(job.attempts_max),
        i32::try_from(job.stall_limit.as_secs()).unwrap_or(i32::MAX),
        job.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Asks for a job to stop: one that waits is cancelled at once, one that runs is told by its next heartbeat. `None`: it has
/// ended, or is not in reach; else whether it was still waiting.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn request_cancel(tx: &mut Tx, job: JobId, now: Timestamp) -> Result<Option<bool>> {
    let state = sqlx::query_scalar!(
        "UPDATE keepsake.backup_jobs
         SET cancel_requested_at = $2::timestamptz,
             state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
             ended_at = CASE state WHEN 'queued' THEN $2::timestamptz END
         WHERE id = $1 AND state IN ('queued', 'leased')
         RETURNING state",
        job.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(state.map(|state| state == "cancelled"))
}

/// Queues a job once more that a person wants tried again: one that failed, is dead, or waits for its next attempt, which then
/// comes at once. Whether it was waiting; `None`: it is at work, done or cancelled, or not in reach.
///
/// # Errors
/// [`Error::Exists`](crate::Error::Exists) if another job for the same waits or runs; else by cause.
pub async fn revive(tx: &mut Tx, job: JobId, now: Timestamp) -> Result<Option<bool>> {
    // That the column is set, to what it is, wakes the workers.
    let was = sqlx::query_scalar!(
        r#"WITH was AS (
             SELECT id, state FROM keepsake.backup_jobs WHERE id = $1 AND state IN ('queued', 'failed', 'dead') FOR UPDATE
         )
         UPDATE keepsake.backup_jobs AS job
         SET state = 'queued', run_after = $2::timestamptz, ended_at = NULL, cancel_requested_at = NULL
         FROM was WHERE job.id = was.id
         RETURNING was.state AS "state!""#,
        job.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(was.map(|state| state == "queued"))
}
