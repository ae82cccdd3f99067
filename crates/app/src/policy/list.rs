//! Retention policies as they are shown.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    policies::{self, Policy},
};
use keepsake_domain::{
    PolicyId,
    permission::{Action, Relation},
};

/// The policies in reach, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Policy>> {
    service.allow(caller, Action::PolicyRead, Relation::Collection, "retention policies", None).await?;
    policies::list(&mut service.begin(caller).await?, size, after).await.map_err(failed)
}

/// One policy.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: PolicyId) -> Result<Policy> {
    let policy = find(service, caller, Action::PolicyRead, id).await?;
    let (relation, owner) = (caller.relation_to(policy.organisation), Some(policy.organisation));
    service.allow(caller, Action::PolicyRead, relation, &subject(id), owner).await?;
    Ok(policy)
}
