//! What becomes of a key that was claimed.

use super::{Answer, Key};
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::idempotency;

/// Keeps the answer for whoever sends the request again.
///
/// # Errors
/// [`Code::CatalogFailed`](crate::Code::CatalogFailed).
pub async fn keep(service: &Service, caller: &Caller, key: &Key, answer: &Answer) -> Result<()> {
    let mut tx = service.begin(caller).await?;
    idempotency::answer(&mut tx, key, answer).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)
}

/// Gives the key back: the request came to nothing, and may be tried again.
///
/// # Errors
/// [`Code::CatalogFailed`](crate::Code::CatalogFailed).
pub async fn release(service: &Service, caller: &Caller, key: &Key) -> Result<()> {
    let mut tx = service.begin(caller).await?;
    idempotency::release(&mut tx, key).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)
}
