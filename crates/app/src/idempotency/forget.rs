//! Letting go of what nobody may ask for any more.

use super::KEPT;
use crate::{
    error::Result,
    service::{Service, catalog},
};
use keepsake_catalog::{Scope, idempotency};
use keepsake_domain::RequestId;

/// Forgets answers that are too old, of every caller; how many.
///
/// # Errors
/// [`Code::CatalogFailed`](crate::Code::CatalogFailed).
pub async fn forget(service: &Service) -> Result<u64> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    let mut tx = service.catalog.begin(&scope).await.map_err(catalog::failed)?;
    let before = service.context.clock.now() - KEPT;
    let gone = idempotency::forget(&mut tx, before).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(gone)
}
