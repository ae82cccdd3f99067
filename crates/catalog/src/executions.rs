//! Executions: attempts at backups, from the asking to the end.
//!
//! Each attempt at a job is a row of its own. Those who ask add the first one together with the job; a worker that claims the job again
//! ends the attempt that another left behind and adds the next. States go forward only (`domain::execution`), and a worker's
//! writes count as long as its lease does.

use crate::{Cursor, Error, Page, Result, Tx, queue::Claimed};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    ConfigurationId, ExecutionId, JobId, OrganisationId, PointId, SourceId, TargetId, WeddingId,
    execution::{ExecutionType, Outcome, State},
};
use serde_json::Value;
use uuid::Uuid;

/// One attempt at a backup.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its id.
    pub id: ExecutionId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The job that it is an attempt at.
    pub job: JobId,
    /// The configuration that wanted it.
    pub configuration: Option<ConfigurationId>,
    /// What is backed up.
    pub source: SourceId,
    /// The wedding, if it is not the whole source.
    pub wedding: Option<WeddingId>,
    /// Where to.
    pub target: TargetId,
    /// Why it was started.
    pub execution_type: ExecutionType,
    /// Where it is.
    pub state: State,
    /// What it left, once completed.
    pub result: Option<Outcome>,
    /// Why somebody asked for it, in their words.
    pub reason: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
    /// Which attempt at its job, from 1.
    pub attempt: i32,
    /// How far it is.
    pub progress: Value,
    /// What it measured.
    pub figures: Value,
    /// Why it failed: `code` and `detail`.
    pub error: Option<Value>,
    /// The point that it made.
    pub point: Option<PointId>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    job_id: Uuid,
    configuration_id: Option<Uuid>,
    source_id: Uuid,
    wedding_id: Option<Uuid>,
    storage_target_id: Uuid,
    execution_type: String,
    state: String,
    result: Option<String>,
    reason: Option<String>,
    requested_by: Option<Uuid>,
    attempt: i32,
    progress: Value,
    figures: Value,
    error: Option<Value>,
    point_id: Option<Uuid>,
    created_at: jiff_sqlx::Timestamp,
    started_at: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for Execution {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let result = row.result.map(|word| word.parse().map_err(|_| Error::row("result of an execution")));
        Ok(Self {
            id: ExecutionId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            job: JobId::from_uuid(row.job_id),
            configuration: row.configuration_id.map(ConfigurationId::from_uuid),
            source: SourceId::from_uuid(row.source_id),
            wedding: row.wedding_id.map(WeddingId::from_uuid),
            target: TargetId::from_uuid(row.storage_target_id),
            execution_type: row.execution_type.parse().map_err(|_| Error::row("type of an execution"))?,
            state: row.state.parse().map_err(|_| Error::row("state of an execution"))?,
            result: result.transpose()?,
            reason: row.reason,
            requested_by: row.requested_by,
            attempt: row.attempt,
            progress: row.progress,
            figures: row.figures,
            error: row.error,
            point: row.point_id.map(PointId::from_uuid),
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// Adds one that waits for a worker.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, execution: &Execution) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.backup_executions (id, organisation_id, job_id, configuration_id, source_id, wedding_id,
             storage_target_id, execution_type, reason, requested_by, attempt, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        execution.id.as_uuid(),
        execution.organisation.as_uuid(),
        execution.job.as_uuid(),
        execution.configuration.as_ref().map(ConfigurationId::as_uuid),
        execution.source.as_uuid(),
        execution.wedding.as_ref().map(WeddingId::as_uuid),
        execution.target.as_uuid(),
        execution.execution_type.name(),
        execution.reason,
        execution.requested_by,
        execution.attempt,
        execution.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The execution of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: ExecutionId) -> Result<Option<Execution>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, configuration_id, source_id, wedding_id, storage_target_id, execution_type, state,
             result, reason, requested_by, attempt, progress, figures, error, point_id, created_at, started_at, ended_at
         FROM keepsake.backup_executions WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Execution::try_from).transpose()
}

/// The newest attempt at a job.
///
/// # Errors
/// [`Error`] by cause.
pub async fn newest_of(tx: &mut Tx, job: JobId) -> Result<Option<Execution>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, configuration_id, source_id, wedding_id, storage_target_id, execution_type, state,
             result, reason, requested_by, attempt, progress, figures, error, point_id, created_at, started_at, ended_at
         FROM keepsake.backup_executions WHERE job_id = $1 ORDER BY attempt DESC, created_at DESC, id DESC LIMIT 1",
        job.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Execution::try_from).transpose()
}

/// The attempt that waits or runs for the wedding's emergency, if there is one: another request for it joins that.
///
/// # Errors
/// [`Error`] by cause.
pub async fn open_with_key(tx: &mut Tx, organisation: OrganisationId, dedup_key: &str) -> Result<Option<ExecutionId>> {
    let id = sqlx::query_scalar!(
        "SELECT execution.id FROM keepsake.backup_executions AS execution
         JOIN keepsake.backup_jobs AS job ON job.id = execution.job_id
         WHERE job.organisation_id = $1 AND job.dedup_key = $2 AND job.state IN ('queued', 'leased')
         ORDER BY execution.created_at DESC, execution.id DESC LIMIT 1",
        organisation.as_uuid(),
        dedup_key,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(id.map(ExecutionId::from_uuid))
}

/// Which executions a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// Of this type.
    pub execution_type: Option<ExecutionType>,
    /// Of this wedding.
    pub wedding: Option<WeddingId>,
    /// Of this configuration.
    pub configuration: Option<ConfigurationId>,
    /// Asked for then or later.
    pub since: Option<Timestamp>,
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, filter: Filter, size: u16, after: Option<Cursor>) -> Result<Page<Execution>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, configuration_id, source_id, wedding_id, storage_target_id, execution_type, state,
             result, reason, requested_by, attempt, progress, figures, error, point_id, created_at, started_at, ended_at
         FROM keepsake.backup_executions
         WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
           AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR execution_type = $4)
           AND ($5::uuid IS NULL OR wedding_id = $5) AND ($6::uuid IS NULL OR configuration_id = $6)
           AND ($7::timestamptz IS NULL OR created_at >= $7)
         ORDER BY created_at DESC, id DESC LIMIT $8",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        filter.state.map(State::name),
        filter.execution_type.map(ExecutionType::name),
        filter.wedding.as_ref().map(WeddingId::as_uuid),
        filter.configuration.as_ref().map(ConfigurationId::as_uuid),
        filter.since.map(|at| at.to_sqlx()) as _,
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Execution>> = rows.into_iter().map(Execution::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.created_at, id: *row.id.as_uuid() }))
}

/// The target to back up to where nobody names one: where the newest point of the same thing is, so that it deduplicates; else
/// the first of the tiers, the organisation's own before those lent to it, the oldest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn usual_target(
    tx: &mut Tx,
    organisation: OrganisationId,
    source: SourceId,
    wedding: Option<WeddingId>,
) -> Result<Option<TargetId>> {
    let id = sqlx::query_scalar!(
        "SELECT target.id FROM keepsake.storage_targets AS target
         LEFT JOIN (
             SELECT storage_target_id FROM keepsake.backup_snapshots
             WHERE source_id = $2 AND wedding_id IS NOT DISTINCT FROM $3::uuid AND expired_at IS NULL
             ORDER BY captured_at DESC, id DESC LIMIT 1
         ) AS last ON last.storage_target_id = target.id
         WHERE target.deleted_at IS NULL
           AND target.organisation_id IN ($1, (SELECT keepsake.operator_organisation()))
         ORDER BY last.storage_target_id IS NULL,
             array_position(array['local', 'cloud_primary', 'cloud_secondary', 'offsite'], target.tier),
             target.organisation_id <> $1, target.created_at, target.id
         LIMIT 1",
        organisation.as_uuid(),
        source.as_uuid(),
        wedding.as_ref().map(WeddingId::as_uuid),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(id.map(TargetId::from_uuid))
}

/// As [`usual_target`], for a pass over weddings of a source: where the newest point of any of them is, else of any other of the
/// source.
///
/// # Errors
/// [`Error`] by cause.
pub async fn usual_target_of_weddings(
    tx: &mut Tx,
    organisation: OrganisationId,
    source: SourceId,
    weddings: &[WeddingId],
) -> Result<Option<TargetId>> {
    let weddings: Vec<Uuid> = weddings.iter().map(|id| *id.as_uuid()).collect();
    let id = sqlx::query_scalar!(
        "SELECT target.id FROM keepsake.storage_targets AS target
         LEFT JOIN (
             SELECT coalesce(
                 (SELECT newest.storage_target_id FROM unnest($3::uuid[]) AS asked (id)
                  CROSS JOIN LATERAL (
                      SELECT storage_target_id, captured_at FROM keepsake.backup_snapshots
                      WHERE wedding_id = asked.id AND kind = 'wedding' AND expired_at IS NULL
                      ORDER BY captured_at DESC, id DESC LIMIT 1) AS newest
                  ORDER BY newest.captured_at DESC LIMIT 1),
                 (SELECT storage_target_id FROM keepsake.backup_snapshots
                  WHERE source_id = $2 AND organisation_id = $1 AND kind = 'wedding' AND expired_at IS NULL
                  ORDER BY captured_at DESC, id DESC LIMIT 1)) AS storage_target_id
         ) AS last ON last.storage_target_id = target.id
         WHERE target.deleted_at IS NULL
           AND target.organisation_id IN ($1, (SELECT keepsake.operator_organisation()))
         ORDER BY last.storage_target_id IS NULL,
             array_position(array['local', 'cloud_primary', 'cloud_secondary', 'offsite'], target.tier),
             target.organisation_id <> $1, target.created_at, target.id
         LIMIT 1",
        organisation.as_uuid(),
        source.as_uuid(),
        &weddings,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(id.map(TargetId::from_uuid))
}

/// The attempt that a worker with a claimed job is to make: the one that waits, or that was given back; the next if a worker
/// died in the last one, which is ended then. `next` is the id of a new one. It is `preparing` afterwards, or further if it
/// was given back on its way.
///
/// # Errors
/// [`Error::Conflict`] if the lease is no longer this worker's; [`Error::Missing`] if the job never had one; else by cause.
pub async fn begin(tx: &mut Tx, job: &Claimed, next: ExecutionId, now: Timestamp) -> Result<Execution> {
    hold(tx, job).await?;
    let missing = || Error::Missing { constraint: "execution of a job".to_owned() };
    let last = newest_of(tx, job.id).await?.ok_or_else(missing)?;
    let continues = !last.state.is_terminal() && (last.attempt == job.attempt || last.started_at.is_none());
    if continues {
        sqlx::query!(
            "UPDATE keepsake.backup_executions
             SET state = CASE state WHEN 'initializing' THEN 'preparing' ELSE state END,
                 started_at = coalesce(started_at, $2::timestamptz)
             WHERE id = $1",
            last.id.as_uuid(),
            now.to_sqlx() as _,
        )
        .execute(tx.connection())
        .await?;
        return get(tx, last.id).await?.ok_or_else(missing);
    }
    if !last.state.is_terminal() {
        let error = serde_json::json!({"code": "worker-lost", "detail": "the worker stopped without a word"});
        end(tx, last.id, State::Failed, Some(&error), now).await?;
    }
    let again =
        Execution { id: next, execution_type: ExecutionType::Retry, attempt: job.attempt, created_at: now, ..last };
    add(tx, &again).await?;
    sqlx::query!(
        "UPDATE keepsake.backup_executions SET state = 'preparing', started_at = $2::timestamptz WHERE id = $1",
        next.as_uuid(),
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    get(tx, next).await?.ok_or_else(missing)
}

/// Fails unless the job is this worker's, and keeps it so until the transaction ends.
async fn hold(tx: &mut Tx, job: &Claimed) -> Result<()> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM keepsake.backup_jobs WHERE id = $1 AND state = 'leased' AND lease = $2 FOR UPDATE",
        job.id.as_uuid(),
        job.lease.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    held.map(drop).ok_or(Error::Conflict)
}

/// Says how far it is, and moves it on to `state` if that comes later than where it is. `false`: the lease is lost, or it has ended.
///
/// # Errors
/// [`Error`] by cause.
pub async fn progress(
    tx: &mut Tx,
    job: &Claimed,
    id: ExecutionId,
    state: State,
    progress: &Value,
    figures: &Value,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.backup_executions AS execution
         SET progress = $4, figures = execution.figures || $6::jsonb,
             state = CASE WHEN array_position(array['initializing', 'preparing', 'backing_up', 'verifying'], $5)
                     > array_position(array['initializing', 'preparing', 'backing_up', 'verifying'], execution.state)
                     THEN $5 ELSE execution.state END
         FROM keepsake.backup_jobs AS job
         WHERE execution.id = $1 AND execution.ended_at IS NULL
           AND job.id = $2 AND job.state = 'leased' AND job.lease = $3 AND execution.job_id = job.id",
        id.as_uuid(),
        job.id.as_uuid(),
        job.lease.as_uuid(),
        progress,
        state.name(),
        figures,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a completed execution leaves.
#[derive(Debug, Clone)]
pub struct Completed<'a> {
    /// What it is worth.
    pub result: Outcome,
    /// The point; none for a pass over several weddings, whose points name the execution.
    pub point: Option<PointId>,
    /// Sizes, duration, verification, warnings.
    pub figures: &'a Value,
}

/// Ends it well.
///
/// # Errors
/// [`Error::Conflict`] if it has ended already; else by cause.
pub async fn complete(tx: &mut Tx, id: ExecutionId, completed: &Completed<'_>, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.backup_executions
         SET state = 'completed', result = $2, point_id = $3, figures = figures || $4::jsonb, ended_at = $5::timestamptz
         WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        completed.result.name(),
        completed.point.as_ref().map(PointId::as_uuid),
        completed.figures,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Ends it without a point: `failed` or `cancelled`.
///
/// # Errors
/// [`Error::Conflict`] if it has ended already; else by cause.
pub async fn end(tx: &mut Tx, id: ExecutionId, state: State, error: Option<&Value>, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.backup_executions SET state = $2, error = $3, ended_at = $4::timestamptz
         WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        state.name(),
        error,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Ends what its job has left behind: the job is dead, or was cancelled, after its worker had died. Those that failed so, and whether
/// each was an emergency.
///
/// # Errors
/// [`Error`] by cause.
pub async fn settle(tx: &mut Tx, now: Timestamp) -> Result<Vec<(ExecutionId, bool)>> {
    let rows = sqlx::query!(
        r#"UPDATE keepsake.backup_executions AS execution
         SET state = CASE job.state WHEN 'cancelled' THEN 'cancelled' ELSE 'failed' END,
             error = CASE job.state WHEN 'cancelled' THEN NULL ELSE job.error END, ended_at = $1::timestamptz
         FROM keepsake.backup_jobs AS job
         WHERE job.id = execution.job_id AND execution.ended_at IS NULL AND job.state IN ('failed', 'dead', 'cancelled')
         RETURNING execution.id, job.emergency, execution.state = 'failed' AS "failed!""#,
        now.to_sqlx() as _,
    )
    .fetch_all(tx.connection())
    .await?;
    let failed = rows.into_iter().filter(|row| row.failed);
    Ok(failed.map(|row| (ExecutionId::from_uuid(row.id), row.emergency)).collect())
}

/// Removes scheduled executions that stored nothing and ended before `before`, with their jobs: `limit` at most. How many.
///
/// # Errors
/// [`Error`] by cause.
pub async fn sweep_unchanged(tx: &mut Tx, before: Timestamp, limit: u32) -> Result<u64> {
    let swept = sqlx::query_scalar!(
        "WITH old AS (
             DELETE FROM keepsake.backup_executions WHERE id IN (
                 SELECT id FROM keepsake.backup_executions
                 WHERE execution_type = 'scheduled' AND result = 'unchanged' AND ended_at < $1::timestamptz LIMIT $2)
             RETURNING job_id)
         DELETE FROM keepsake.backup_jobs AS job USING old
         WHERE job.id = old.job_id AND job.state = 'done'
           AND NOT EXISTS (SELECT FROM keepsake.backup_executions AS other
                           WHERE other.job_id = job.id AND other.result IS DISTINCT FROM 'unchanged')
         RETURNING job.id",
        before.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(swept.len() as u64)
}
