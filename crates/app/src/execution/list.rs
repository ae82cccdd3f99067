//! Looking at executions.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    executions::{self, Execution, Filter},
};
use keepsake_domain::{
    ExecutionId,
    permission::{Action, Relation},
};

/// The executions that the caller may see, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn list(
    service: &Service,
    caller: &Caller,
    filter: Filter,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Execution>> {
    service.allow(caller, Action::ExecutionRead, Relation::Collection, "executions", None).await?;
    executions::list(&mut service.begin(caller).await?, filter, size, after).await.map_err(failed)
}

/// One execution.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: ExecutionId) -> Result<Execution> {
    let (execution, relation) = find(service, caller, Action::ExecutionRead, id).await?;
    let owner = Some(execution.organisation);
    service.allow(caller, Action::ExecutionRead, relation, &subject(id), owner).await?;
    Ok(execution)
}
