//! The loop of a service that keeps the log in order.

use super::{
    checkpoint::checkpoint,
    sequence::{Step, sequence},
};
use crate::{error::Result, service::Service};
use keepsake_catalog::audit::Checkpoint;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often rows are given their places. Each node tries; one at a time does it.
const EVERY: Duration = Duration::from_secs(2);
/// From one checkpoint to the next at least, over all nodes. What was added since the last could be changed unnoticed.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// Gives rows of the log their places and signs checkpoints until `stop`; then once more, so that what was recorded before a clean
/// stop is signed for.
pub async fn keep_in_order(service: Service, stop: CancellationToken) {
    let mut said = None;
    loop {
        let stopped = stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none();
        let pause = if stopped { Duration::ZERO } else { CHECKPOINT_EVERY };
        let trouble = settle(&service, pause).await.err().map(|error| error.chain());
        // The next round tries again; what is wrong is said once.
        if let Some(cause) = trouble.as_ref().filter(|trouble| Some(*trouble) != said.as_ref()) {
            tracing::error!(cause, "the audit log could not be put in order");
        }
        said = trouble;
        if stopped {
            return;
        }
    }
}

/// How often somebody else's round is waited for, and how long each time: it may only have to be rolled back.
const ELSEWHERE_TRIES: u32 = 40;
const ELSEWHERE_PAUSE: Duration = Duration::from_millis(50);

/// Gives places to all rows that wait, and signs a checkpoint if the last one is at least `pause` old and the tree has grown.
///
/// # Errors
/// As [`sequence`] and [`checkpoint`].
pub async fn settle(service: &Service, pause: Duration) -> Result<Option<Checkpoint>> {
    let mut tries = 0;
    loop {
        match sequence(service).await? {
            Step::Some(_) => {}
            Step::Elsewhere if tries < ELSEWHERE_TRIES => {
                tries += 1;
                tokio::time::sleep(ELSEWHERE_PAUSE).await;
            }
            Step::All(_) | Step::Elsewhere => break,
        }
    }
    checkpoint(service, pause).await
}
