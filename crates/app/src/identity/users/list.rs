//! Users in pages.

use super::User;
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{Cursor, Page, users};
use keepsake_domain::permission::{Action, Relation};

/// The users in the caller's reach, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden) for members.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<User>> {
    service.allow(caller, Action::UserRead, Relation::Collection, "users", None).await?;
    let mut tx = service.begin(caller).await?;
    let page = users::list(&mut tx, size, after).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(Page { items: page.items.into_iter().map(User::from).collect(), next: page.next })
}
