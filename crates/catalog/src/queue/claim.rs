//! Taking the next jobs.

use super::Kind;
use crate::{Catalog, Result};
use jiff::Timestamp;
use keepsake_domain::{ConfigurationId, JobId, LeaseId, OrganisationId, SourceId, WeddingId};
use std::time::Duration;

/// How much may run at once, over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Ordinary jobs in all.
    pub total: u16,
    /// Ordinary jobs of one organisation.
    pub organisation: u16,
    /// Jobs on one source; an emergency may be one more (S11).
    pub source: u16,
}

impl Default for Limits {
    /// 50 in all, 3 of an organisation (product.md A5), 3 on a source.
    fn default() -> Self {
        Self { total: 50, organisation: 3, source: 3 }
    }
}

/// Which jobs are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Emergencies only: no limit but that of their source.
    Emergency,
    /// All others.
    Ordinary,
}

/// A job that this process has leased.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The job.
    pub id: JobId,
    /// The hold on it.
    pub lease: LeaseId,
    /// For whom.
    pub organisation: OrganisationId,
    /// What kind of work.
    pub kind: Kind,
    /// 1 to 10.
    pub priority: i16,
    /// Whether it is of the emergency lane.
    pub emergency: bool,
    /// The source.
    pub source: Option<SourceId>,
    /// The wedding.
    pub wedding: Option<WeddingId>,
    /// The configuration.
    pub configuration: Option<ConfigurationId>,
    /// What the worker needs to know.
    pub payload: serde_json::Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    /// How many there may be.
    pub attempts_max: i32,
    /// It is stopped then, done or not.
    pub finish_before: Option<Timestamp>,
    /// A run without progress for so long is to be stopped.
    pub stall_limit: Duration,
}

impl Catalog {
    /// Leases up to `slots` jobs to this process for `lease`, at most one of each organisation in a call: who asks again until
    /// nothing comes is fair to all.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn claim(&self, lane: Lane, slots: u16, limits: Limits, lease: Duration) -> Result<Vec<Claimed>> {
        let mut transaction = self.work().await?;
        // Limits count what others have claimed, so claims come one after the other; each takes a few milliseconds.
        sqlx::query!("SELECT pg_advisory_xact_lock(hashtext('keepsake claim'))").execute(&mut *transaction).await?;
        let rows = sqlx::query!(
            r#"
            WITH RECURSIVE waiting AS (
                (SELECT organisation_id FROM keepsake.backup_jobs WHERE state = 'queued' ORDER BY organisation_id LIMIT 1)
                UNION ALL
                SELECT (SELECT job.organisation_id FROM keepsake.backup_jobs AS job
                        WHERE job.state = 'queued' AND job.organisation_id > waiting.organisation_id
                        ORDER BY job.organisation_id LIMIT 1)
                FROM waiting WHERE waiting.organisation_id IS NOT NULL
            ), running AS (
                SELECT organisation_id, count(*) AS jobs FROM keepsake.backup_jobs
                WHERE state = 'leased' AND NOT emergency GROUP BY organisation_id
            ), busy AS (
                SELECT source_id, count(*) AS jobs FROM keepsake.backup_jobs
                WHERE state = 'leased' AND source_id IS NOT NULL GROUP BY source_id
            ), first AS (
                SELECT next.*, coalesce(running.jobs, 0) AS running, coalesce(next.busy, 0) + row_number() OVER (
                    PARTITION BY next.source_id ORDER BY next.priority DESC, next.run_after, next.id) AS nth_on_source
                FROM waiting
                LEFT JOIN running USING (organisation_id)
                CROSS JOIN LATERAL (
                    SELECT job.id, job.source_id, job.priority, job.run_after, busy.jobs AS busy
                    FROM keepsake.backup_jobs AS job LEFT JOIN busy USING (source_id)
                    WHERE job.organisation_id = waiting.organisation_id AND job.state = 'queued' AND job.emergency = $1
                      AND job.run_after <= now()
                      AND (job.start_before IS NULL OR job.progressed_at IS NOT NULL OR job.start_before > now())
                      AND coalesce(busy.jobs, 0) < $2
                    ORDER BY job.emergency DESC, job.priority DESC, job.run_after, job.id
                    LIMIT 1
                ) AS next
                WHERE waiting.organisation_id IS NOT NULL AND ($1 OR coalesce(running.jobs, 0) < $3)
            ), chosen AS (
                SELECT id FROM first WHERE source_id IS NULL OR nth_on_source <= $2
                ORDER BY priority DESC, running, run_after, id
                LIMIT CASE WHEN $1 THEN $5::bigint
                           ELSE greatest(0, least($5::bigint, $4::bigint - (SELECT coalesce(sum(jobs), 0)::bigint FROM running))) END
            )
            UPDATE keepsake.backup_jobs AS job
            SET state = 'leased', attempts = attempts + 1, leased_by = $6, lease = gen_random_uuid(),
                leased_until = now() + make_interval(secs => $7), heartbeat_at = now(), progressed_at = now()
            FROM chosen WHERE job.id = chosen.id AND job.state = 'queued'
            RETURNING job.id, job.lease AS "lease!", job.organisation_id, job.kind, job.priority, job.emergency, job.source_id,
                job.wedding_id, job.configuration_id, job.payload, job.attempts, job.attempts_max, job.finish_before, job.stall_limit_s
            "#,
            lane == Lane::Emergency,
            i64::from(limits.source) + i64::from(lane == Lane::Emergency),
            i64::from(limits.organisation),
            i64::from(limits.total),
            i64::from(slots),
            self.process.as_uuid(),
            lease.as_secs_f64(),
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let claimed = rows.into_iter().map(|row| {
            Ok(Claimed {
                id: JobId::from_uuid(row.id),
                lease: LeaseId::from_uuid(row.lease),
                organisation: OrganisationId::from_uuid(row.organisation_id),
                kind: Kind::parse(&row.kind)?,
                priority: row.priority,
                emergency: row.emergency,
                source: row.source_id.map(SourceId::from_uuid),
                wedding: row.wedding_id.map(WeddingId::from_uuid),
                configuration: row.configuration_id.map(ConfigurationId::from_uuid),
                payload: row.payload,
                attempt: row.attempts,
                attempts_max: row.attempts_max,
                finish_before: row.finish_before.map(jiff_sqlx::Timestamp::to_jiff),
                stall_limit: Duration::from_secs(row.stall_limit_s.try_into().unwrap_or(1)),
            })
        });
        // An UPDATE returns its rows in no order.
        let mut claimed: Vec<Claimed> = claimed.collect::<Result<_>>()?;
        claimed.sort_by_key(|job| std::cmp::Reverse(job.priority));
        Ok(claimed)
    }
}
