//! How it stands: numbers for whoever looks, within their reach. From counters and narrow indexes, never from scanning what was done.

use crate::{Error, Result, Role, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{Criticality, OrganisationId, SourceId, WeddingId};
use uuid::Uuid;

/// Weddings that are in their sources.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weddings {
    /// All of them.
    pub total: u64,
    /// Of each class.
    pub critical: u64,
    /// Of each class.
    pub high: u64,
    /// Of each class.
    pub medium: u64,
    /// Of each class.
    pub low: u64,
    /// Gone from their sources.
    pub vanished: u64,
    /// Without any point.
    pub without_point: u64,
    /// Whose newest point is older than it should be.
    pub behind: u64,
    /// Whose newest point looks like damage or is not whole.
    pub unclean: u64,
    /// With their day in the next 30 days.
    pub upcoming: u64,
    /// Of these, with a clean point that is as new as it should be.
    pub upcoming_covered: u64,
    /// Mean integrity score of those that have one, 0 to 100.
    pub integrity_mean: Option<u8>,
}

/// What was done in some days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Executions that were completed.
    pub completed: u64,
    /// That failed.
    pub failed: u64,
    /// That were cancelled.
    pub cancelled: u64,
    /// Milliseconds of those that were completed, in all.
    pub duration_ms: u64,
}

/// What is under way, and what came of restores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Executions that wait.
    pub executions_waiting: u64,
    /// Executions at work.
    pub executions_running: u64,
    /// Recovery operations that have not ended.
    pub operations: u64,
    /// Restores and undos completed in 90 days.
    pub restores_completed: u64,
    /// Failed in 90 days.
    pub restores_failed: u64,
    /// Mean milliseconds from asking to the end of those that were completed.
    pub restore_ms_mean: Option<u64>,
}

/// A wedding that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtRisk {
    /// The wedding.
    pub id: WeddingId,
    /// Its class.
    pub criticality: Criticality,
    /// Its first day.
    pub first_day: Option<jiff::civil::Date>,
    /// It has no point.
    pub without_point: bool,
    /// Its newest point is older than it should be.
    pub behind: bool,
    /// Its newest point looks like damage or is not whole.
    pub unclean: bool,
    /// How whole its data were, 0 to 100.
    pub integrity_score: Option<u8>,
}

/// A source that cannot be looked at, or has no mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The source.
    pub id: SourceId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// It has no mapping.
    pub unmapped: bool,
    /// When it was last looked at with success.
    pub synced_at: Option<Timestamp>,
}

/// What is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Points that are listed.
    pub points: u64,
    /// Bytes captured in all of them.
    pub raw_bytes: u64,
    /// Bytes that they added to the store.
    pub stored_bytes: u64,
}

fn count(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}

/// The weddings in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn weddings(tx: &mut Tx, now: Timestamp) -> Result<Weddings> {
    // A tenth of the objective is left for the time that a capture takes.
    let row = sqlx::query!(
        r#"WITH wedding AS (
             SELECT criticality, first_day, last_point_at IS NULL AS bare, newest_unclean, integrity_score,
                 confirmed_at + make_interval(secs => rpo_seconds * 1.1) < $1::timestamptz AS late
             FROM keepsake.weddings WHERE vanished_at IS NULL)
         SELECT count(*) AS total, count(*) FILTER (WHERE criticality = 'critical') AS critical,
             count(*) FILTER (WHERE criticality = 'high') AS high, count(*) FILTER (WHERE criticality = 'medium') AS medium,
             count(*) FILTER (WHERE criticality = 'low') AS low, count(*) FILTER (WHERE bare) AS without_point,
             count(*) FILTER (WHERE NOT bare AND late) AS behind, count(*) FILTER (WHERE newest_unclean) AS unclean,
             count(*) FILTER (WHERE first_day BETWEEN $1::timestamptz::date AND $1::timestamptz::date + 30) AS upcoming,
             count(*) FILTER (WHERE first_day BETWEEN $1::timestamptz::date AND $1::timestamptz::date + 30
                 AND NOT bare AND NOT late AND NOT newest_unclean) AS upcoming_covered,
             avg(integrity_score)::smallint AS integrity_mean,
             (SELECT count(*) FROM keepsake.weddings WHERE vanished_at IS NOT NULL) AS vanished
         FROM wedding"#,
        now.to_sqlx() as _,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Weddings {
        total: count(row.total),
        critical: count(row.critical),
        high: count(row.high),
        medium: count(row.medium),
        low: count(row.low),
        vanished: count(row.vanished),
        without_point: count(row.without_point),
        behind: count(row.behind),
        unclean: count(row.unclean),
        upcoming: count(row.upcoming),
        upcoming_covered: count(row.upcoming_covered),
        integrity_mean: row.integrity_mean.and_then(|mean| u8::try_from(mean).ok()),
    })
}

/// What was done in the days from `from` days ago up to, not including, `until` days ago; today is 0 days ago, and `until` -1 includes it.
/// Members are told of their own weddings.
///
/// # Errors
/// [`Error`] by cause.
pub async fn done(tx: &mut Tx, now: Timestamp, from: i32, until: i32) -> Result<Done> {
    if tx.scope().role == Role::Member {
        return own_done(tx, now, from, until).await;
    }
    let row = sqlx::query!(
        r#"SELECT sum(completed)::bigint AS completed, sum(failed)::bigint AS failed, sum(cancelled)::bigint AS cancelled,
             sum(duration_ms)::bigint AS duration_ms
         FROM keepsake.execution_days
         WHERE day >= ($1::timestamptz AT TIME ZONE 'UTC')::date - $2::integer
           AND day < ($1::timestamptz AT TIME ZONE 'UTC')::date - $3::integer"#,
        now.to_sqlx() as _,
        from,
        until,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Done {
        completed: count(row.completed),
        failed: count(row.failed),
        cancelled: count(row.cancelled),
        duration_ms: count(row.duration_ms),
    })
}

async fn own_done(tx: &mut Tx, now: Timestamp, from: i32, until: i32) -> Result<Done> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE state = 'completed') AS completed, count(*) FILTER (WHERE state = 'failed') AS failed,
             count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
             (sum(extract(epoch FROM ended_at - started_at)) FILTER (WHERE state = 'completed') * 1000)::bigint AS duration_ms
         FROM keepsake.backup_executions
         WHERE ended_at >= ($1::timestamptz AT TIME ZONE 'UTC')::date - $2::integer
           AND ended_at < ($1::timestamptz AT TIME ZONE 'UTC')::date - $3::integer"#,
        now.to_sqlx() as _,
        from,
        until,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Done {
        completed: count(row.completed),
        failed: count(row.failed),
        cancelled: count(row.cancelled),
        duration_ms: count(row.duration_ms),
    })
}

/// What is under way, and what came of restores.
///
/// # Errors
/// [`Error`] by cause.
pub async fn work(tx: &mut Tx, now: Timestamp) -> Result<Work> {
    let row = sqlx::query!(
        r#"SELECT
             (SELECT count(*) FROM keepsake.backup_executions WHERE ended_at IS NULL AND state = 'initializing') AS waiting,
             (SELECT count(*) FROM keepsake.backup_executions WHERE ended_at IS NULL AND state <> 'initializing') AS running,
             (SELECT count(*) FROM keepsake.recovery_operations WHERE ended_at IS NULL) AS operations,
             (SELECT count(*) FROM keepsake.recovery_operations
              WHERE state IN ('completed', 'undone') AND created_at > $1::timestamptz - interval '90 days') AS completed,
             (SELECT count(*) FROM keepsake.recovery_operations
              WHERE state = 'failed' AND created_at > $1::timestamptz - interval '90 days') AS failed,
             (SELECT (avg(extract(epoch FROM ended_at - created_at)) * 1000)::bigint FROM keepsake.recovery_operations
              WHERE state IN ('completed', 'undone') AND created_at > $1::timestamptz - interval '90 days') AS mean"#,
        now.to_sqlx() as _,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(Work {
        executions_waiting: count(row.waiting),
        executions_running: count(row.running),
        operations: count(row.operations),
        restores_completed: count(row.completed),
        restores_failed: count(row.failed),
        restore_ms_mean: row.mean.and_then(|mean| u64::try_from(mean).ok()),
    })
}

/// Weddings that somebody should look at, the most critical and the nearest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn at_risk(tx: &mut Tx, now: Timestamp, limit: u16) -> Result<Vec<AtRisk>> {
    let rows = sqlx::query!(
        r#"SELECT id, criticality, first_day AS "first_day: jiff_sqlx::Date", last_point_at IS NULL AS "bare!",
             coalesce(confirmed_at + make_interval(secs => rpo_seconds * 1.1) < $1::timestamptz, false) AS "late!",
             newest_unclean, integrity_score
         FROM keepsake.weddings
         WHERE vanished_at IS NULL AND criticality IN ('critical', 'high')
           AND (last_point_at IS NULL OR newest_unclean OR integrity_score < 70
                OR confirmed_at + make_interval(secs => rpo_seconds * 1.1) < $1::timestamptz)
         ORDER BY criticality = 'critical' DESC, first_day NULLS LAST, id LIMIT $2"#,
        now.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AtRisk {
                id: WeddingId::from_uuid(row.id),
                criticality: row.criticality.parse().map_err(|_| Error::row("criticality of a wedding"))?,
                first_day: row.first_day.map(jiff_sqlx::Date::to_jiff),
                without_point: row.bare,
                behind: row.late,
                unclean: row.newest_unclean,
                integrity_score: row.integrity_score.and_then(|score| u8::try_from(score).ok()),
            })
        })
        .collect()
}

/// Sources that cannot be looked at, or have no mapping; `limit` at most.
///
/// # Errors
/// [`Error`] by cause.
pub async fn troubles(tx: &mut Tx, limit: u16) -> Result<Vec<Trouble>> {
    let rows = sqlx::query!(
        r#"SELECT id, organisation_id, name, mapping IS NULL AS "unmapped!", synced_at AS "synced_at: jiff_sqlx::Timestamp"
         FROM keepsake.sources
         WHERE deleted_at IS NULL AND kind = 'database' AND (mapping IS NULL OR sync_error IS NOT NULL)
         ORDER BY synced_at NULLS FIRST, id LIMIT $1"#,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    let trouble =
        |(id, organisation, name, unmapped, synced_at): (Uuid, Uuid, String, bool, Option<jiff_sqlx::Timestamp>)| {
            Trouble {
                id: SourceId::from_uuid(id),
                organisation: OrganisationId::from_uuid(organisation),
                name,
                unmapped,
                synced_at: synced_at.map(jiff_sqlx::Timestamp::to_jiff),
            }
        };
    Ok(rows
        .into_iter()
        .map(|row| trouble((row.id, row.organisation_id, row.name, row.unmapped, row.synced_at)))
        .collect())
}

/// What is stored, and whether there is anywhere to store it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn usage(tx: &mut Tx) -> Result<(Usage, bool)> {
    let row = sqlx::query!(
        r#"SELECT (SELECT sum(points)::bigint FROM keepsake.organisation_usage) AS points,
             (SELECT sum(raw_bytes)::bigint FROM keepsake.organisation_usage) AS raw_bytes,
             (SELECT sum(stored_bytes)::bigint FROM keepsake.organisation_usage) AS stored_bytes,
             EXISTS (SELECT FROM keepsake.storage_targets WHERE deleted_at IS NULL) AS "has_target!""#,
    )
    .fetch_one(tx.connection())
    .await?;
    let usage =
        Usage { points: count(row.points), raw_bytes: count(row.raw_bytes), stored_bytes: count(row.stored_bytes) };
    Ok((usage, row.has_target))
}
