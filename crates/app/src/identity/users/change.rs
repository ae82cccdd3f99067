//! Other words, another role, another password, or a way back in for a user.

use super::{Email, User, address_taken, display_name, find, keep_an_admin, missing};
use crate::{
    error::Result,
    identity::{Secret, password},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{credentials, sessions, users};
use keepsake_domain::{
    UserId,
    permission::{Action, Role},
};
use serde::Deserialize;

/// What a user is to be.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Their address.
    pub email: Secret,
    /// What people call them.
    pub display_name: String,
    /// What they are.
    pub role: Role,
    /// They cannot log in.
    pub disabled: bool,
    /// A new password; left out, the old one stays.
    #[serde(default)]
    pub password: Option<Secret>,
}

/// Replaces what a user is. Another role, another password, and being disabled end their sessions.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); [`Code::Exists`](crate::Code::Exists) if somebody else has the address;
/// [`Code::Invalid`](crate::Code::Invalid) by what it names, and for the last admin.
pub async fn change(service: &Service, caller: &Caller, id: UserId, change: &Change) -> Result<User> {
    let (user, relation) = find(service, caller, id).await?;
    let owner = user.as_ref().map(|user| user.organisation);
    let work = async {
        let phc = match &change.password {
            Some(password) => Some(password::hash(password).await?),
            None => None,
        };
        replace(service, caller, id, change, phc).await
    };
    service.act(caller, Action::UserReplace, relation, &format!("user {id}"), owner, work).await
}

async fn replace(service: &Service, caller: &Caller, id: UserId, change: &Change, phc: Option<String>) -> Result<User> {
    let now = service.context.clock.now();
    let email = Email::parse(change.email.expose())?;
    let mut tx = service.begin(caller).await?;
    let old = users::get(&mut tx, id).await.map_err(catalog::failed)?.ok_or_else(missing)?;
    if change.role != Role::Admin || change.disabled {
        keep_an_admin(&mut tx, &old).await?;
    }
    let new = users::User {
        email: email.as_str().to_owned(),
        display_name: display_name(&change.display_name)?,
        role: change.role,
        disabled_at: if change.disabled { old.disabled_at.or(Some(now)) } else { None },
        ..old.clone()
    };
    users::replace(&mut tx, &new).await.map_err(address_taken)?;
    if let Some(phc) = &phc {
        credentials::set_password(&mut tx, new.organisation, id, phc, now).await.map_err(catalog::failed)?;
    }
    if phc.is_some() || change.disabled || new.role != old.role {
        sessions::revoke_all(&mut tx, new.organisation, id, now).await.map_err(catalog::failed)?;
    }
    tx.commit().await.map_err(catalog::failed)?;
    Ok(new.into())
}
