//! Looking for weddings in every source, each by itself, so that one that hangs holds up no other.

use super::{scope, system};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
    source, system_config,
};
use keepsake_catalog::sources;
use keepsake_domain::SourceId;
use std::{collections::HashMap, time::Duration};
use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};

/// Sources looked at in the same time.
const AT_ONCE: usize = 4;
/// Longest look at one source.
const LIMIT: Duration = Duration::from_secs(300);

/// Looks that are under way, and when others were begun. Dropped, they are stopped: a sync that is cut off has written whole pages.
pub(super) struct Syncs {
    every: Duration,
    tasks: JoinSet<()>,
    under_way: HashMap<Id, SourceId>,
    /// One that failed is not begun again at each tick.
    begun_at: HashMap<SourceId, Instant>,
}

impl Syncs {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, tasks: JoinSet::new(), under_way: HashMap::new(), begun_at: HashMap::new() }
    }

    /// Begins to look at those sources that were not looked at for long enough.
    pub(super) async fn start_due(&mut self, service: &Service) -> Result<()> {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
            self.under_way.remove(&id);
        }
        let free = AT_ONCE.saturating_sub(self.under_way.len());
        if free == 0 {
            return Ok(());
        }
        let before = service.context.clock.now().checked_sub(self.every);
        let before =
            before.map_err(|error| Error::because(Code::HomeFailed, "the clock is out of its range", error))?;
        let limit = u16::try_from(self.begun_at.len() + free).unwrap_or(u16::MAX).max(64);
        let waiting = sources::to_sync(&mut system(service).await?, before, limit).await.map_err(failed)?;
        let every = self.every;
        self.begun_at.retain(|_, at| at.elapsed() < every);
        let fresh: Vec<SourceId> =
            waiting.into_iter().filter(|id| !self.begun_at.contains_key(id)).take(free).collect();
        for id in fresh {
            let (service, scope) = (service.clone(), scope(service)?);
            let task = self.tasks.spawn(async move {
                let looking = async {
                    let config = system_config::current(&service).await?;
                    source::sync_as(&service, &scope, id, &config.thresholds).await
                };
                match tokio::time::timeout(LIMIT, Box::pin(looking)).await {
                    Ok(Ok(synced))
                        if synced.new + synced.moved + synced.cancelled + synced.vanished + synced.returned > 0 =>
                    {
                        tracing::info!(source = %id, ?synced, "weddings changed");
                    }
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(source = %id, error = %error.chain(), "a source could not be looked at")
                    }
                    Err(_) => tracing::warn!(source = %id, "looking at a source took too long and was stopped"),
                }
            });
            self.under_way.insert(task.id(), id);
            self.begun_at.insert(id, Instant::now());
        }
        Ok(())
    }
}
