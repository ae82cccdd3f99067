//! Keeping a lease.

use super::Claimed;
use crate::{Catalog, Result};
use std::time::Duration;

/// What a worker learns when it says that it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The job is still its own.
    Held,
    /// Somebody wants the job to stop.
    CancelRequested,
    /// The lease ran out and the job is somebody else's: stop, and write nothing.
    Lost,
}

impl Catalog {
    /// Renews a lease. `progressed`: whether the work got on since the last time.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause; the lease then still runs until it runs out.
    pub async fn heartbeat(&self, job: &Claimed, progressed: bool, lease: Duration) -> Result<Heartbeat> {
        let cancelled = sqlx::query_scalar!(
            r#"
            UPDATE keepsake.backup_jobs
            SET heartbeat_at = now(), leased_until = now() + make_interval(secs => $3),
                progressed_at = CASE WHEN $4 THEN now() ELSE progressed_at END
            WHERE id = $1 AND state = 'leased' AND lease = $2 AND leased_until > now()
            RETURNING cancel_requested_at IS NOT NULL AS "cancelled!"
            "#,
            job.id.as_uuid(),
            job.lease.as_uuid(),
            lease.as_secs_f64(),
            progressed,
        )
        .fetch_optional(&self.worker)
        .await?;
        Ok(match cancelled {
            Some(false) => Heartbeat::Held,
            Some(true) => Heartbeat::CancelRequested,
            None => Heartbeat::Lost,
        })
    }

    /// Gives a job back untried, for another worker or a later time: the run was pre-empted, or this process stops.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn give_back(&self, job: &Claimed) -> Result<bool> {
        let done = sqlx::query!(
            "UPDATE keepsake.backup_jobs
             SET state = 'queued', attempts = greatest(0, attempts - 1), leased_by = NULL, lease = NULL, leased_until = NULL
             WHERE id = $1 AND state = 'leased' AND lease = $2",
            job.id.as_uuid(),
            job.lease.as_uuid(),
        )
        .execute(&self.worker)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
