//! The people of an organisation, as its admins manage them.
//!
//! Nobody is removed, since the audit log names them by id: they are disabled, and out at once. An organisation that has
//! an admin keeps one.

mod authorise_emergency;
mod change;
mod create;
mod disable;
mod email;
mod get;
mod list;

pub use authorise_emergency::authorise_emergency;
pub use change::{Change, change};
pub use create::{NewUser, create};
pub use disable::disable;
pub use email::Email;
pub use get::get;
pub use list::list;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use jiff::Timestamp;
use keepsake_catalog::{Tx, users};
use keepsake_domain::{
    OrganisationId, UserId,
    permission::{Relation, Role},
};
use serde::Serialize;

/// Longest name to show, in characters.
const LONGEST_NAME: usize = 200;

/// A user, as admins see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Theirs.
    pub organisation_id: OrganisationId,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub display_name: String,
    /// What they are in their organisation.
    pub role: Role,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// They have a second factor.
    pub mfa_enrolled: bool,
    /// Since when they cannot log in.
    pub disabled_at: Option<Timestamp>,
    /// Since when they are here.
    pub created_at: Timestamp,
}

impl From<users::User> for User {
    fn from(user: users::User) -> Self {
        Self {
            id: user.id,
            organisation_id: user.organisation,
            email: user.email,
            display_name: user.display_name,
            role: user.role,
            emergency_authorised: user.emergency_authorised,
            mfa_enrolled: user.mfa_enrolled,
            disabled_at: user.disabled_at,
            created_at: user.created_at,
        }
    }
}

/// Looks a user up before an act on them: what is in nobody's reach is somebody else's.
async fn find(service: &Service, caller: &Caller, id: UserId) -> Result<(Option<users::User>, Relation)> {
    let mut tx = service.begin(caller).await?;
    let user = users::get(&mut tx, id).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    let relation = relation(caller, user.as_ref().map(|user| user.organisation));
    Ok((user, relation))
}

pub(super) fn relation(caller: &Caller, owner: Option<OrganisationId>) -> Relation {
    if owner.is_some() && owner == caller.organisation() { Relation::Organisation } else { Relation::Foreign }
}

fn missing() -> Error {
    Error::new(Code::NotFound, "there is no user of that id")
}

fn display_name(text: &str) -> Result<String> {
    let name = text.trim();
    if name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(Error::new(Code::Invalid, format!("a name has at most {LONGEST_NAME} characters, in one line")));
    }
    Ok(name.to_owned())
}

fn address_taken(error: keepsake_catalog::Error) -> Error {
    match error {
        keepsake_catalog::Error::Exists { .. } => Error::new(Code::Exists, "somebody has this address already"),
        error => catalog::failed(error),
    }
}

/// Refuses to take the last admin away, who alone could make another. Others are held, so that two who go at once see it.
async fn keep_an_admin(tx: &mut Tx, user: &users::User) -> Result<()> {
    if user.role != Role::Admin || user.disabled_at.is_some() {
        return Ok(());
    }
    let admins = users::hold_admins(tx, user.organisation).await.map_err(catalog::failed)?;
    if admins.iter().any(|admin| *admin != user.id) {
        return Ok(());
    }
    Err(Error::new(Code::Invalid, "this is the last admin of the organisation: make another one first"))
}
