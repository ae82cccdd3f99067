//! One user.

use super::{User, find, missing};
use crate::{
    error::Result,
    service::{Caller, Service},
};
use keepsake_domain::{UserId, permission::Action};

/// The user of that id.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound) if there is none for this caller.
pub async fn get(service: &Service, caller: &Caller, id: UserId) -> Result<User> {
    let (user, relation) = find(service, caller, id).await?;
    service.allow(caller, Action::UserRead, relation, &format!("user {id}"), None).await?;
    user.map(User::from).ok_or_else(missing)
}
