//! A new user.

use super::{Email, User, address_taken, display_name, relation};
use crate::{
    error::Result,
    identity::{Secret, password},
    organisation,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{credentials, users};
use keepsake_domain::{
    OrganisationId, UserId,
    permission::{Action, Relation, Role},
};
use serde::Deserialize;

/// A user to be made.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Their organisation; the caller's if it is left out. Another one is for the operator's admins.
    #[serde(default)]
    pub organisation_id: Option<OrganisationId>,
    /// Their address.
    pub email: Secret,
    /// What people call them.
    #[serde(default)]
    pub display_name: String,
    /// What they are.
    pub role: Role,
    /// Their first password. There is no other way in, and no default.
    pub password: Secret,
}

/// Makes a user. They cannot run emergency restores until that is granted for itself.
///
/// # Errors
/// [`Code::Invalid`](crate::Code::Invalid) by what it names; [`Code::Exists`](crate::Code::Exists) if somebody has the address.
pub async fn create(service: &Service, caller: &Caller, new: &NewUser) -> Result<User> {
    let owner = match new.organisation_id.or(caller.organisation()) {
        Some(owner) => owner,
        None => operator(service, caller).await?,
    };
    organisation::expect(service, caller, "/organisation_id", &[owner]).await?;
    let relation = match relation(caller, Some(owner)) {
        Relation::Organisation => Relation::Collection,
        other => other,
    };
    let id = UserId::from_uuid(service.context.new_id()?);
    let work = create_now(service, caller, new, owner, id);
    service.act(caller, Action::UserCreate, relation, &format!("user {id}"), Some(owner), work).await
}

async fn create_now(
    service: &Service,
    caller: &Caller,
    new: &NewUser,
    organisation: OrganisationId,
    id: UserId,
) -> Result<User> {
    let now = service.context.clock.now();
    let user = users::User {
        id,
        organisation,
        email: Email::parse(new.email.expose())?.as_str().to_owned(),
        display_name: display_name(&new.display_name)?,
        role: new.role,
        emergency_authorised: false,
        mfa_enrolled: false,
        disabled_at: None,
        created_at: now,
    };
    let phc = password::hash(&new.password).await?;
    let mut tx = service.begin(caller).await?;
    users::add(&mut tx, &user).await.map_err(address_taken)?;
    credentials::set_password(&mut tx, organisation, id, &phc, now).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(user.into())
}

/// At the machine nobody has an organisation: the first admins are the operator's.
async fn operator(service: &Service, caller: &Caller) -> Result<OrganisationId> {
    let mut tx = service.begin(caller).await?;
    let operator = keepsake_catalog::organisations::operator(&mut tx).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(operator)
}
