//! Weddings as they are shown: with their protection and its explanation.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    weddings::{self, Filter, Wedding},
};
use keepsake_domain::{
    WeddingId,
    permission::{Action, Relation},
};

/// The weddings in reach in the order of their days.
///
/// # Errors
/// By cause.
pub async fn list(
    service: &Service,
    caller: &Caller,
    filter: Filter,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Wedding>> {
    service.allow(caller, Action::WeddingRead, Relation::Collection, "weddings", None).await?;
    weddings::list(&mut service.begin(caller).await?, filter, size, after).await.map_err(failed)
}

/// One wedding; its criticality with the reasons is in its protection.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: WeddingId) -> Result<Wedding> {
    let (wedding, relation) = find(service, caller, Action::WeddingRead, id).await?;
    service.allow(caller, Action::WeddingRead, relation, &subject(id), Some(wedding.organisation)).await?;
    Ok(wedding)
}
