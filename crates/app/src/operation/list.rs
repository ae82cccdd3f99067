//! Looking at operations.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    operations::{self, Filter, Operation},
};
use keepsake_domain::{
    OperationId,
    permission::{Action, Relation},
};

/// The operations that the caller may see, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn list(
    service: &Service,
    caller: &Caller,
    filter: Filter,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Operation>> {
    service.allow(caller, Action::OperationRead, Relation::Collection, "operations", None).await?;
    operations::list(&mut service.begin(caller).await?, filter, size, after).await.map_err(failed)
}

/// One operation.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: OperationId) -> Result<Operation> {
    let (operation, relation) = find(service, caller, Action::OperationRead, id).await?;
    let owner = Some(operation.organisation);
    service.allow(caller, Action::OperationRead, relation, &subject(id), owner).await?;
    Ok(operation)
}
