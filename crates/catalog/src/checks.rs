//! Checks of recovery points.

use crate::{Error, Result, Tx, queue::Claimed};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    CheckId, JobId, OrganisationId, PointId, SourceId, WeddingId,
    check::{Level, State},
};
use serde_json::Value;
use uuid::Uuid;

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its id.
    pub id: CheckId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// The job that makes it.
    pub job: JobId,
    /// The point.
    pub point: PointId,
    /// What the point is of.
    pub source: Option<SourceId>,
    /// The wedding, if it is of one.
    pub wedding: Option<WeddingId>,
    /// How closely.
    pub level: Level,
    /// Where it is.
    pub state: State,
    /// Nothing is wrong; once it is completed.
    pub passed: Option<bool>,
    /// What is wrong: `code`, `subject`, `message` each.
    pub findings: Value,
    /// What was read and loaded, and `rto_ms`.
    pub figures: Value,
    /// Why it could not be made.
    pub error: Option<Value>,
    /// Who asked; nobody for the Saturday protocol.
    pub requested_by: Option<Uuid>,
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
    point_id: Uuid,
    source_id: Option<Uuid>,
    wedding_id: Option<Uuid>,
    level: String,
    state: String,
    passed: Option<bool>,
    findings: Value,
    figures: Value,
    error: Option<Value>,
    requested_by: Option<Uuid>,
    created_at: jiff_sqlx::Timestamp,
    started_at: Option<jiff_sqlx::Timestamp>,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for Check {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: CheckId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            job: JobId::from_uuid(row.job_id),
            point: PointId::from_uuid(row.point_id),
            source: row.source_id.map(SourceId::from_uuid),
            wedding: row.wedding_id.map(WeddingId::from_uuid),
            level: row.level.parse().map_err(|_| Error::row("level of a check"))?,
            state: row.state.parse().map_err(|_| Error::row("state of a check"))?,
            passed: row.passed,
            findings: row.findings,
            figures: row.figures,
            error: row.error,
            requested_by: row.requested_by,
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
pub async fn add(tx: &mut Tx, check: &Check) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.point_checks (id, organisation_id, job_id, point_id, source_id, wedding_id, level, requested_by, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        check.id.as_uuid(),
        check.organisation.as_uuid(),
        check.job.as_uuid(),
        check.point.as_uuid(),
        check.source.as_ref().map(SourceId::as_uuid),
        check.wedding.as_ref().map(WeddingId::as_uuid),
        check.level.name(),
        check.requested_by,
        check.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The check of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: CheckId) -> Result<Option<Check>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, job_id, point_id, source_id, wedding_id, level, state, passed, findings, figures, error,
             requested_by, created_at, started_at, ended_at
         FROM keepsake.point_checks WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Check::try_from).transpose()
}

/// The check that a claimed job makes, begun.
///
/// # Errors
/// [`Error::Conflict`] if the lease is no longer this worker's, or it has ended; else by cause.
pub async fn begin(tx: &mut Tx, job: &Claimed, now: Timestamp) -> Result<Check> {
    let row = sqlx::query_as!(
        Row,
        "UPDATE keepsake.point_checks AS point_check
         SET state = 'verifying', started_at = coalesce(point_check.started_at, $3::timestamptz)
         FROM keepsake.backup_jobs AS job
         WHERE point_check.job_id = $1 AND point_check.ended_at IS NULL
           AND job.id = $1 AND job.state = 'leased' AND job.lease = $2
         RETURNING point_check.id, point_check.organisation_id, point_check.job_id, point_check.point_id, point_check.source_id,
             point_check.wedding_id, point_check.level, point_check.state, point_check.passed, point_check.findings,
             point_check.figures, point_check.error, point_check.requested_by, point_check.created_at, point_check.started_at,
             point_check.ended_at",
        job.id.as_uuid(),
        job.lease.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    row.ok_or(Error::Conflict)?.try_into()
}

/// Ends one that was made.
///
/// # Errors
/// [`Error::Conflict`] if it has ended already; else by cause.
pub async fn complete(tx: &mut Tx, id: CheckId, findings: &Value, figures: &Value, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.point_checks
         SET state = 'completed', passed = ($2::jsonb = '[]'), findings = $2, figures = $3, ended_at = $4::timestamptz
         WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        findings,
        figures,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Ends one that could not be made: `failed` or `cancelled`.
///
/// # Errors
/// [`Error::Conflict`] if it has ended already; else by cause.
pub async fn end(tx: &mut Tx, id: CheckId, state: State, error: Option<&Value>, now: Timestamp) -> Result<()> {
    let done = sqlx::query!(
        "UPDATE keepsake.point_checks SET state = $2, error = $3, ended_at = $4::timestamptz WHERE id = $1 AND ended_at IS NULL",
        id.as_uuid(),
        state.name(),
        error,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Conflict) }
}

/// Ends what its job has left behind.
///
/// # Errors
/// [`Error`] by cause.
pub async fn settle(tx: &mut Tx, now: Timestamp) -> Result<u64> {
    let done = sqlx::query!(
        "UPDATE keepsake.point_checks AS point_check
         SET state = CASE job.state WHEN 'cancelled' THEN 'cancelled' ELSE 'failed' END,
             error = CASE job.state WHEN 'cancelled' THEN NULL ELSE job.error END, ended_at = $1::timestamptz
         FROM keepsake.backup_jobs AS job
         WHERE job.id = point_check.job_id AND point_check.ended_at IS NULL AND job.state IN ('failed', 'dead', 'cancelled')",
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
