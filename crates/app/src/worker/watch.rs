//! Watching a job while it is done: heartbeats, progress, and what stops it.

use super::Limits;
use crate::{context::Context, service::Service};
use jiff::Timestamp;
use keepsake_catalog::queue::{Claimed, Heartbeat};
use keepsake_vault::engine::Phase;
use serde_json::{Value, json};
use std::sync::{OnceLock, atomic::Ordering::Relaxed};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Why a run is stopped before it is through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Somebody asked for it.
    Requested,
    /// The lease is lost: another worker has the job, or will have it.
    Lost,
    /// Nothing moved for too long.
    Stalled,
    /// Its window is over.
    Late,
    /// Its place is needed, or the process stops.
    GivenBack,
}

/// Stops a run; the first reason counts.
#[derive(Debug, Default)]
pub(super) struct Control {
    pub(super) token: CancellationToken,
    why: OnceLock<Why>,
}

impl Control {
    pub(super) fn stop(&self, why: Why) {
        // Losing the lease overrules nothing here: whoever ends the job finds out by the lease itself.
        let _first_counts = self.why.set(why);
        self.token.cancel();
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.why.get().copied()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.token.is_cancelled()
    }
}

/// What was last known of a run.
pub(super) struct Watch {
    seen: [u64; 5],
    moved_at: Instant,
    held_at: Instant,
    began: Instant,
}

/// How far a run is.
pub(super) struct Report {
    pub(super) phase: Phase,
    pub(super) progress: Value,
}

impl Watch {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { seen: [0; 5], moved_at: now, held_at: now, began: now }
    }

    /// One beat: the lease is renewed, and the run told to stop if it must. How far it is, while the lease is held.
    pub(super) async fn beat(
        &mut self,
        service: &Service,
        limits: &Limits,
        job: &Claimed,
        control: &Control,
        context: &Context,
    ) -> Option<Report> {
        let marks = marks(context);
        let moved = marks != self.seen;
        self.seen = marks;
        if moved {
            self.moved_at = Instant::now();
        }
        let held = match service.catalog.heartbeat(job, moved, limits.lease).await {
            Ok(Heartbeat::Held) => true,
            Ok(Heartbeat::CancelRequested) => {
                control.stop(Why::Requested);
                true
            }
            Ok(Heartbeat::Lost) => {
                control.stop(Why::Lost);
                false
            }
            Err(error) => {
                tracing::warn!(%error, job = %job.id, "a heartbeat did not reach the catalog");
                if self.held_at.elapsed() >= limits.lease {
                    control.stop(Why::Lost);
                }
                false
            }
        };
        if !held {
            return None;
        }
        self.held_at = Instant::now();
        let now = service.context.clock.now();
        if self.moved_at.elapsed() >= job.stall_limit {
            control.stop(Why::Stalled);
        }
        if job.finish_before.is_some_and(|until| until <= now) {
            control.stop(Why::Late);
        }
        Some(Report { phase: context.progress.phase(), progress: self.progress(context, now) })
    }

    /// `progress` of api.md.
    fn progress(&self, context: &Context, now: Timestamp) -> Value {
        let [bytes_done, bytes_total, items_done, items_total, _] = marks(context);
        let share = |done: u64, total: u64| (total > 0).then(|| u128::from(done.min(total)) * 100 / u128::from(total));
        // What a capture of weddings will read is known in tables, not in bytes.
        let percent = share(bytes_done, bytes_total).or_else(|| share(items_done, items_total));
        let percent = percent.and_then(|percent| u64::try_from(percent).ok());
        let eta = percent
            .filter(|percent| *percent > 0)
            .map(|percent| self.began.elapsed().as_secs().saturating_mul(100 - percent.min(100)) / percent);
        json!({
            "percent": percent,
            "bytes_done": bytes_done,
            "bytes_total": Some(bytes_total).filter(|total| *total > 0),
            "items_done": items_done,
            "eta_seconds": eta,
            "heartbeat_at": now,
        })
    }
}

/// Everything that grows while a run gets on.
fn marks(context: &Context) -> [u64; 5] {
    let progress = &context.progress;
    [
        progress.bytes_done.load(Relaxed),
        progress.bytes_total.load(Relaxed),
        progress.files_done.load(Relaxed),
        progress.files_total.load(Relaxed),
        progress.phase() as u64 + progress.bytes_stored.load(Relaxed),
    ]
}
