//! Points whose promised time is over are marked as expired, in the catalog only: they are no longer listed and cannot be restored
//! from there. Freeing the space in the vaults is the collection's, which is to come.
//!
//! What the rules keep stays ([`keepsake_domain::retention`]). What needs a person's word waits, and the log says so.

use super::system;
use crate::{
    error::Result,
    policy::expiry,
    service::{Service, catalog::failed},
};
use keepsake_catalog::expiry as rows;
use keepsake_domain::OrganisationId;

/// Expires what may go, organisation by organisation.
pub(super) async fn expire(service: &Service) -> Result<()> {
    let now = service.context.clock.now();
    let due = rows::organisations(&mut system(service).await?, now).await.map_err(failed)?;
    for organisation in due {
        if let Err(error) = of(service, organisation).await {
            tracing::warn!(%organisation, error = %error.chain(), "points of an organisation could not be expired");
        }
    }
    Ok(())
}

async fn of(service: &Service, organisation: OrganisationId) -> Result<()> {
    let now = service.context.clock.now();
    let mut tx = system(service).await?;
    let decided = expiry::decide(&mut tx, organisation, now).await?;
    let expired = rows::expire(&mut tx, &decided.expire, now).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    if expired > 0 {
        tracing::info!(%organisation, points = expired, "points whose time is over have expired");
    }
    if decided.waiting > 0 {
        let why: Vec<&str> = decided.approval.iter().map(|reason| reason.name()).collect();
        tracing::warn!(%organisation, points = decided.waiting, ?why, "points whose time is over wait for a person's word");
    }
    Ok(())
}
