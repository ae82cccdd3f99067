//! Recovery operations: restores and undos, from the asking to the end.
//!
//! An operation moves along the states of `domain::operation` only, and none is ever removed: the schema sees to both. Its work is one
//! job; a worker that takes the job over goes on where the operation stands. What it writes counts as long as its lease does.

use crate::{Cursor, Error, Page, Result, Tx, queue::Claimed};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{JobId, OperationId, OrganisationId, PointId, SourceId, UserId, WeddingId, operation::State};
use serde_json::Value;
use uuid::Uuid;

/// A recovery operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// Its id, which the state saved before it carries, too.
    pub id: OperationId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The job that does it.
    pub job: Option<JobId>,
    /// Where it goes.
    pub source: SourceId,
    /// The wedding.
    pub wedding: Option<WeddingId>,
    /// The point that is restored; for an undo, the one that the undone operation restored.
    pub point: PointId,
    /// The operation that this one undoes.
    pub undoes: Option<OperationId>,
    /// Where it is.
    pub state: State,
    /// What was asked for.
    pub request: Value,
    /// Why somebody asked for it, in their words.
    pub reason: String,
    /// Whether it was asked for as an emergency.
    pub is_emergency: bool,
    /// Who asked.
    pub requested_by: UserId,
    /// When they gave their second factor.
    pub mfa_at: Option<Timestamp>,
    /// What would happen, or was about to.
    pub preview: Option<Value>,
    /// The hash of that.
    pub preview_hash: Option<String>,
    /// What was proven before the commit.
    pub proof: Option<Value>,
    /// Why it failed: `code` and `detail`.
    pub error: Option<Value>,
    /// How far it is.
    pub progress: Value,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a worker began.
    pub started_at: Option<Timestamp>,
    /// When it ended; a preview, when it was there.
    pub ended_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    job_id: Option<Uuid>,
    source_id: Uuid,
    wedding_id: Option<Uuid>,
    point_id: Uuid,
    undoes: Option<Uuid>,
    state: String,
    request: Value,
    reason: String,
    is_emergency: bool,
    requested_by: Uuid,
    mfa_at: Option<jiff_sqlx::Timestamp>,
    preview: Option<Value>,
    preview_hash: Option<String>,
    proof: Option<Value>,
    error: Option<Value>,
    progress: Value,
    created_at: jiff_sqlx::Timestamp,
    started_at: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for Operation {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: OperationId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            job: row.job_id.map(JobId::from_uuid),
            source: SourceId::from_uuid(row.source_id),
            wedding: row.wedding_id.map(WeddingId::from_uuid),
            point: PointId::from_uuid(row.point_id),
            undoes: row.undoes.map(OperationId::from_uuid),
            state: row.state.parse().map_err(|_| Error::row("state of an operation"))?,
            request: row.request,
            reason: row.reason,
            is_emergency: row.is_emergency,
            requested_by: UserId::from_uuid(row.requested_by),
            mfa_at: row.mfa_at.map(jiff_sqlx::Timestamp::to_jiff),
            preview: row.preview,
            preview_hash: row.preview_hash,
            proof: row.proof,
            error: row.error,
            progress: row.progress,
            created_at: row.created_at.to_jiff(),
            started_at: row.started_at.map(jiff_sqlx::Timestamp::to_jiff),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// Adds one that waits for a worker.
///
/// # Errors
/// [`Error::Exists`] if it undoes an operation that another undoes already; else by cause.
pub async fn add(tx: &mut Tx, operation: &Operation) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.recovery_operations (id, organisation_id, job_id, source_id, wedding_id, point_id, undoes, request, reason,
             is_emergency, requested_by, mfa_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        operation.id.as_uuid(),
        operation.organisation.as_uuid(),
        operation.job.as_ref().map(JobId::as_uuid),
        operation.source.as_uuid(),
        operation.wedding.as_ref().map(WeddingId::as_uuid),
        operation.point.as_uuid(),
        operation.undoes.as_ref().map(OperationId::as_uuid),
        operation.request,
        operation.reason,
        operation.is_emergency,
        operation.requested_by.as_uuid(),
        operation.mfa_at.map(|at| at.to_sqlx()) as _,
        operation.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The operation of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: OperationId) -> Result<Option<Operation>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, source_id, wedding_id, point_id, undoes, state, request, reason, is_emergency, requested_by,
             mfa_at, preview, preview_hash, proof, error, progress, created_at, started_at, ended_at
         FROM keepsake.recovery_operations WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Operation::try_from).transpose()
}

/// The operation that a job does.
///
/// # Errors
/// [`Error::Missing`] if there is none; else by cause.
pub async fn of_job(tx: &mut Tx, job: JobId) -> Result<Operation> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, source_id, wedding_id, point_id, undoes, state, request, reason, is_emergency, requested_by,
             mfa_at, preview, preview_hash, proof, error, progress, created_at, started_at, ended_at
         FROM keepsake.recovery_operations WHERE job_id = $1",
        job.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.ok_or_else(|| Error::Missing { constraint: "operation of a job".to_owned() })?.try_into()
}

/// Which operations a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub state: Option<State>,
    /// Of this wedding.
    pub wedding: Option<WeddingId>,
    /// From this point.
    pub point: Option<PointId>,
    /// Asked for then or later.
    pub since: Option<Timestamp>,
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, filter: Filter, size: u16, after: Option<Cursor>) -> Result<Page<Operation>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, source_id, wedding_id, point_id, undoes, state, request, reason, is_emergency, requested_by,
             mfa_at, preview, preview_hash, proof, error, progress, created_at, started_at, ended_at
         FROM keepsake.recovery_operations
         WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
           AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR wedding_id = $4)
           AND ($5::uuid IS NULL OR point_id = $5) AND ($6::timestamptz IS NULL OR created_at >= $6)
         ORDER BY created_at DESC, id DESC LIMIT $7",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        filter.state.map(State::name),
        filter.wedding.as_ref().map(WeddingId::as_uuid),
        filter.point.as_ref().map(PointId::as_uuid),
        filter.since.map(|at| at.to_sqlx()) as _,
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Operation>> = rows.into_iter().map(Operation::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.created_at, id: *row.id.as_uuid() }))
}

/// How many emergency restores of a wedding a user was granted since a time, and the first of them. Whoever asks holds their turn until
/// the transaction ends, so that two requests at once do not both count themselves as the last one allowed (S33).
///
/// # Errors
/// [`Error`] by cause.
pub async fn emergencies_since(
    tx: &mut Tx,
    user: UserId,
    wedding: WeddingId,
    since: Timestamp,
) -> Result<(u32, Option<Timestamp>)> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('keepsake emergency ' || $1::uuid || ' ' || $2::uuid, 0))",
        user.as_uuid(),
        wedding.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    let row = sqlx::query!(
        r#"SELECT count(*) AS "count!", min(created_at) AS "first: jiff_sqlx::Timestamp" FROM keepsake.recovery_operations
         WHERE requested_by = $1 AND wedding_id = $2 AND is_emergency AND created_at > $3::timestamptz"#,
        user.as_uuid(),
        wedding.as_uuid(),
        since.to_sqlx() as _,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((u32::try_from(row.count).unwrap_or(u32::MAX), row.first.map(jiff_sqlx::Timestamp::to_jiff)))
}

/// What a worker writes down of an operation on its way; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Step<'a> {
    /// The state that follows.
    pub state: Option<State>,
    /// What would happen, and its hash.
    pub preview: Option<(&'a Value, &'a str)>,
    /// What was proven.
    pub proof: Option<&'a Value>,
    /// Why it failed.
    pub error: Option<&'a Value>,
    /// How far it is.
    pub progress: Option<&'a Value>,
    /// No work is left.
    pub ended: bool,
}

/// Moves an operation on, while its job is this worker's. What has ended is not moved.
///
/// # Errors
/// [`Error::Conflict`] if the lease is no longer this worker's, or the operation has ended; else by cause, such as a state that may
/// not follow.
pub async fn step(tx: &mut Tx, job: &Claimed, id: OperationId, step: Step<'_>, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.recovery_operations AS operation
         SET state = coalesce($4, operation.state), preview = coalesce($5, operation.preview),
             preview_hash = coalesce($6, operation.preview_hash), proof = coalesce($7, operation.proof),
             error = coalesce($8, operation.error), progress = coalesce($9, operation.progress),
             started_at = coalesce(operation.started_at, $10::timestamptz),
             ended_at = CASE WHEN $11 THEN $10::timestamptz END
         FROM keepsake.backup_jobs AS job
         WHERE operation.id = $1 AND operation.ended_at IS NULL
           AND job.id = $2 AND job.state = 'leased' AND job.lease = $3 AND operation.job_id = job.id",
        id.as_uuid(),
        job.id.as_uuid(),
        job.lease.as_uuid(),
        step.state.map(State::name),
        step.preview.map(|(preview, _)| preview),
        step.preview.map(|(_, hash)| hash),
        step.proof,
        step.error,
        step.progress,
        now.to_sqlx() as _,
        step.ended,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Says how far one is, and, if it is `proving` what it wrote, moves it on from `recovering`. `false`: the lease is lost, or it has ended.
///
/// # Errors
/// [`Error`] by cause.
pub async fn tell(tx: &mut Tx, job: &Claimed, id: OperationId, progress: &Value, proving: bool) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.recovery_operations AS operation
         SET progress = $4,
             state = CASE WHEN $5 AND operation.state = 'recovering' THEN 'verifying' ELSE operation.state END
         FROM keepsake.backup_jobs AS job
         WHERE operation.id = $1 AND operation.ended_at IS NULL
           AND job.id = $2 AND job.state = 'leased' AND job.lease = $3 AND operation.job_id = job.id",
        id.as_uuid(),
        job.id.as_uuid(),
        job.lease.as_uuid(),
        progress,
        proving,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends one that no worker has begun.
///
/// # Errors
/// [`Error::Conflict`] if it has ended already; else by cause.
pub async fn cancel_waiting(tx: &mut Tx, id: OperationId, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.recovery_operations SET state = 'cancelled', ended_at = $2::timestamptz WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Marks a completed operation as undone: another one has put back what it replaced.
///
/// # Errors
/// [`Error::Conflict`] unless it is completed; else by cause.
pub async fn undone(tx: &mut Tx, id: OperationId) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.recovery_operations SET state = 'undone' WHERE id = $1 AND state = 'completed'",
        id.as_uuid(),
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Ends what its job has left behind: the job is dead, or was cancelled, after its worker had died. Those that failed so.
///
/// # Errors
/// [`Error`] by cause.
pub async fn settle(tx: &mut Tx, now: Timestamp) -> Result<Vec<OperationId>> {
    let rows = sqlx::query!(
        r#"UPDATE keepsake.recovery_operations AS operation
         SET state = CASE job.state WHEN 'cancelled' THEN 'cancelled' ELSE 'failed' END,
             error = CASE job.state WHEN 'cancelled' THEN NULL ELSE job.error END, ended_at = $1::timestamptz
         FROM keepsake.backup_jobs AS job
         WHERE job.id = operation.job_id AND operation.ended_at IS NULL AND job.state IN ('failed', 'dead', 'cancelled')
         RETURNING operation.id, operation.state = 'failed' AS "failed!""#,
        now.to_sqlx() as _,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().filter(|row| row.failed).map(|row| OperationId::from_uuid(row.id)).collect())
}
