//! Organisations as they are shown.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    organisations::{self, Organisation},
};
use keepsake_domain::{
    OrganisationId,
    permission::{Action, Relation},
};

/// The organisations of the installation, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden) for all but the operator; else by cause.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Organisation>> {
    service.allow(caller, Action::OrganisationRead, Relation::Collection, "organisations", None).await?;
    organisations::list(&mut service.begin(caller).await?, size, after).await.map_err(failed)
}

/// One organisation.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: OrganisationId) -> Result<Organisation> {
    let organisation = find(service, caller, Action::OrganisationRead, id).await?;
    let relation = caller.relation_to(id);
    service.allow(caller, Action::OrganisationRead, relation, &subject(id), Some(id)).await?;
    Ok(organisation)
}
