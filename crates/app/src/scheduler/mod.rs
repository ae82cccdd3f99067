//! What happens by itself: weddings are looked for in their sources, those that are due and the runs of configurations are put into the
//! queue, points expire, and what nobody asks for any more is swept.
//!
//! One node of the catalog schedules, whichever holds the lock; when it is gone, another does within seconds. Nothing is remembered
//! outside the catalog, so it does not matter which. The work itself is done by [`crate::worker`], on any node.

mod configured;
mod due;
mod expire;
mod saturday;
mod sweep;
mod sync;

use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use keepsake_catalog::{Leadership, Scope, Tx};
use keepsake_domain::RequestId;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the scheduler looks, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From one look to the next.
    pub tick: Duration,
    /// Weddings of each source are looked for so often.
    pub sync_every: Duration,
    /// From one look at the weddings of the next days to the next.
    pub weekend_every: Duration,
    /// From one sweep to the next.
    pub sweep_every: Duration,
}

impl Default for Pace {
    /// Looks every 2 s, at sources every minute, at the next days' weddings every 30 s, sweeps every 10 minutes.
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(2),
            sync_every: Duration::from_secs(60),
            weekend_every: Duration::from_secs(30),
            sweep_every: Duration::from_secs(600),
        }
    }
}

/// The lock of the one that schedules.
const LOCK: &str = "keepsake scheduler";

/// Schedules while this node leads, until `shutdown` fires.
pub async fn run(service: Service, pace: Pace, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        match service.catalog.lead(LOCK).await {
            Ok(Some(leadership)) => lead(&service, pace, &shutdown, leadership).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the catalog cannot be asked who schedules"),
        }
        pause(&shutdown, pace.tick).await;
    }
}

async fn pause(shutdown: &CancellationToken, time: Duration) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(time) => {}
    }
}

async fn lead(service: &Service, pace: Pace, shutdown: &CancellationToken, mut leadership: Leadership) {
    tracing::info!("this node schedules");
    let mut syncs = sync::Syncs::new(pace.sync_every);
    let mut sweep_at = Instant::now();
    let mut weekend_at = Instant::now();
    while !shutdown.is_cancelled() {
        if let Err(error) = leadership.check().await {
            tracing::warn!(%error, "the scheduler's session is lost: another node may schedule");
            return;
        }
        if let Err(error) = syncs.start_due(service).await {
            tracing::warn!(error = %error.chain(), "sources could not be looked at");
        }
        if let Err(error) = due::enqueue(service).await {
            tracing::warn!(error = %error.chain(), "due weddings could not be put into the queue");
        }
        if let Err(error) = configured::enqueue(service).await {
            tracing::warn!(error = %error.chain(), "due configurations could not be put into the queue");
        }
        if Instant::now() >= weekend_at {
            if let Err(error) = saturday::prepare(service).await {
                tracing::warn!(error = %error.chain(), "weekends could not be prepared");
            }
            weekend_at = Instant::now() + pace.weekend_every;
        }
        if Instant::now() >= sweep_at {
            if let Err(error) = expire::expire(service).await {
                tracing::warn!(error = %error.chain(), "points could not be expired");
            }
            if let Err(error) = sweep::sweep(service).await {
                tracing::warn!(error = %error.chain(), "old jobs could not be swept");
            }
            sweep_at = Instant::now() + pace.sweep_every;
        }
        pause(shutdown, pace.tick).await;
    }
    leadership.resign().await;
}

/// A transaction of the service itself.
async fn system(service: &Service) -> Result<Tx> {
    service.catalog.begin(&scope(service)?).await.map_err(failed)
}

fn scope(service: &Service) -> Result<Scope> {
    Ok(Scope::system(RequestId::from_uuid(service.context.new_id()?)))
}
