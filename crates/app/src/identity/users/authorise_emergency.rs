//! Who may run an emergency restore.

use super::{User, find, missing};
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::users;
use keepsake_domain::{UserId, permission::Action};

/// Grants a user the emergency flag, or takes it away.
///
/// # Errors
/// [`Code::MfaRequired`](crate::Code::MfaRequired); [`Code::NotFound`](crate::Code::NotFound).
pub async fn authorise_emergency(service: &Service, caller: &Caller, id: UserId, authorised: bool) -> Result<User> {
    let (user, relation) = find(service, caller, id).await?;
    let owner = user.as_ref().map(|user| user.organisation);
    let subject = format!("user {id} {}", if authorised { "granted" } else { "withdrawn" });
    let work = async {
        let mut tx = service.begin(caller).await?;
        if !users::authorise_emergency(&mut tx, id, authorised).await.map_err(catalog::failed)? {
            return Err(missing());
        }
        let user = users::get(&mut tx, id).await.map_err(catalog::failed)?.ok_or_else(missing)?;
        tx.commit().await.map_err(catalog::failed)?;
        Ok(User::from(user))
    };
    service.act(caller, Action::EmergencyAuthorise, relation, &subject, owner, work).await
}
