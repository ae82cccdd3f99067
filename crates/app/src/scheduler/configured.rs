//! Configurations whose time has come, put into the queue.
//!
//! The next run is set in the transaction that puts this one into the queue, so that none is lost or comes twice. What was missed while
//! nothing ran, or while the run before was still under way, is caught up once. Each configuration is a transaction of its own: one that
//! cannot be run holds up no other.

use super::system;
use crate::{
    configuration::{self, Put, Wanted},
    error::Result,
    service::{Service, catalog::failed},
};
use keepsake_catalog::{configurations, executions, queue};
use keepsake_domain::{ConfigurationId, execution::ExecutionType};

/// Configurations looked at in one tick.
const LOOKED_AT: u16 = 500;

/// Puts what is due into the queue, and ends what nobody began in time; how many runs were queued.
pub(super) async fn enqueue(service: &Service) -> Result<usize> {
    let now = service.context.clock.now();
    let mut tx = system(service).await?;
    let lapsed = queue::lapse(&mut tx, now).await.map_err(failed)?;
    if lapsed > 0 {
        executions::settle(&mut tx, now).await.map_err(failed)?;
        tracing::warn!(jobs = lapsed, "no worker was free to begin these in time");
    }
    let due = configurations::due(&mut tx, now, LOOKED_AT).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    let mut count = 0;
    for id in due {
        match run(service, id).await {
            Ok(queued) => count += usize::from(queued),
            Err(error) => {
                tracing::warn!(configuration = %id, error = %error.chain(), "a configuration could not be run")
            }
        }
    }
    Ok(count)
}

async fn run(service: &Service, id: ConfigurationId) -> Result<bool> {
    let now = service.context.clock.now();
    let mut tx = system(service).await?;
    let Some(found) = configurations::lock(&mut tx, id).await.map_err(failed)? else { return Ok(false) };
    // It may have been changed or deleted since it was listed.
    if found.deleted_at.is_some() || !found.document.enabled || found.next_run_at.is_none_or(|next| next > now) {
        return Ok(false);
    }
    let spread = configuration::spread(id);
    let last = found.last_run_at.unwrap_or(found.created_at);
    let missed = found.document.schedule.as_ref().and_then(|schedule| schedule.due(spread, last, now));
    if let Some(missed) = missed.map(|due| due.missed).filter(|missed| *missed > 0) {
        tracing::info!(configuration = %id, missed, "one run makes up for those that were missed");
    }
    let execution_type = ExecutionType::Scheduled;
    let wanted = Wanted { configuration: &found, execution_type, reason: None, requested_by: None };
    let queued = match configuration::put(service, &mut tx, wanted).await? {
        Put::Queued(_) => true,
        // It comes when that one has ended.
        Put::Joined(_) => return Ok(false),
        Put::Nothing => false,
    };
    let next = found.document.next_run(spread, now);
    configurations::plan(&mut tx, id, queued.then_some(now), next).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(queued)
}
