//! Jobs whose worker died.

use super::Kind;
use crate::{Catalog, Result};
use keepsake_domain::{JobId, OrganisationId};
use std::time::Duration;

/// A job taken from a worker that said nothing for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaped {
    /// The job.
    pub id: JobId,
    /// For whom.
    pub organisation: OrganisationId,
    /// What kind of work.
    pub kind: Kind,
    /// Whether it was the last attempt: it will not be tried again.
    pub dead: bool,
}

impl Catalog {
    /// Takes back every job whose lease ran out: queued again after `pause`, or dead if it was tried often enough. One that was to be
    /// cancelled ends so, unless it is a restore: somebody must see first what it left.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn reap(&self, pause: Duration) -> Result<Vec<Reaped>> {
        let rows = sqlx::query!(
            r#"
            UPDATE keepsake.backup_jobs
            SET state = CASE WHEN cancel_requested_at IS NOT NULL AND kind NOT IN ('restore', 'undo') THEN 'cancelled'
                             WHEN attempts >= attempts_max THEN 'dead' ELSE 'queued' END,
                ended_at = CASE WHEN (cancel_requested_at IS NOT NULL AND kind NOT IN ('restore', 'undo')) OR attempts >= attempts_max THEN now() END,
                run_after = now() + make_interval(secs => $1), leased_by = NULL, lease = NULL, leased_until = NULL,
                error = '{"code": "worker-lost", "detail": "the worker stopped without a word"}'
            WHERE state = 'leased' AND leased_until < now()
            RETURNING id, organisation_id, kind, state
            "#,
            pause.as_secs_f64(),
        )
        .fetch_all(&self.worker)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Reaped {
                    id: JobId::from_uuid(row.id),
                    organisation: OrganisationId::from_uuid(row.organisation_id),
                    kind: Kind::parse(&row.kind)?,
                    dead: row.state == "dead",
                })
            })
            .collect()
    }
}
