//! Whether the service can work.

use super::{Service, catalog};
use crate::error::{Code, Error, Result};
use keepsake_catalog::Scope;
use keepsake_domain::RequestId;
use std::time::Duration;

/// Whoever asks decides by the answer where to send requests, and waits.
const PATIENCE: Duration = Duration::from_secs(2);

impl Service {
    /// Asks the catalog for a sign of life.
    ///
    /// # Errors
    /// [`Code::CatalogFailed`] if it gives none in time.
    pub async fn ready(&self, request: RequestId) -> Result<()> {
        let scope = Scope::system(request);
        let answer = tokio::time::timeout(PATIENCE, self.catalog.begin(&scope)).await;
        let answer = answer.map_err(|late| Error::because(Code::CatalogFailed, "the catalog does not answer", late))?;
        answer.map(drop).map_err(catalog::failed)
    }
}
