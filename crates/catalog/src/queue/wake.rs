//! Being woken when there is work, instead of looking all the time.

use crate::{Catalog, Result};
use sqlx::postgres::PgListener;
use std::time::Duration;

/// Notices of new jobs and of cancellations, from every node.
#[derive(Debug)]
pub struct Wakeups(PgListener);

impl Catalog {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Error`](crate::Error) by cause.
    pub async fn wakeups(&self) -> Result<Wakeups> {
        let mut listener = PgListener::connect_with(&self.worker).await?;
        listener.listen("keepsake_jobs").await?;
        Ok(Wakeups(listener))
    }
}

impl Wakeups {
    /// Waits for a notice, at most for `patience`: a notice can be lost with its connection, so the caller looks by itself
    /// then.
    pub async fn next(&mut self, patience: Duration) {
        match tokio::time::timeout(patience, self.0.recv()).await {
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(error)) => {
                // It reconnects by itself at the next call; until then, patience is what limits the rate.
                tracing::warn!(%error, "the catalog's notices were interrupted");
                tokio::time::sleep(patience).await;
            }
        }
    }
}
