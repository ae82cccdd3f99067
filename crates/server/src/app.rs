//! What handlers and middleware are given.

use crate::{middleware::rate::Rates, observe::Metrics, statuses::Statuses};
use keepsake_app::{idempotency, service::Service};
use std::{num::NonZeroU32, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often what is no longer needed is let go.
const HOUSEKEEPING: Duration = Duration::from_secs(60);

/// The limits of requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a request's body, at most.
    pub body_bytes: usize,
    /// A request that takes longer is given up; long work is accepted and goes on elsewhere.
    pub request_timeout: Duration,
    /// Requests a minute of one token, or of one address that shows none. An address as a whole may make ten times as many.
    pub requests_per_minute: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            request_timeout: Duration::from_secs(30),
            requests_per_minute: NonZeroU32::new(1200).expect("it is not zero"),
        }
    }
}

/// What handlers are given. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// The use cases' frame.
    pub service: Service,
    /// The limits of requests.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    pub(crate) rates: Arc<Rates>,
    pub(crate) statuses: Arc<Statuses>,
}

impl App {
    /// A service to be served.
    pub fn new(service: Service, limits: Limits, metrics: Metrics) -> Self {
        let rates = Arc::new(Rates::new(limits.requests_per_minute));
        Self { service, limits, metrics, rates, statuses: Arc::default() }
    }

    /// Keeps memory from growing with every caller who ever came, until `stop`.
    pub async fn keep_house(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_some() {
            self.rates.forget_idle();
            self.metrics.keep();
            if let Err(error) = idempotency::forget(&self.service).await {
                // The next round does it.
                tracing::warn!(cause = %error.chain(), "old answers could not be forgotten");
            }
        }
    }
}
