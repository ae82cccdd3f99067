//! Who the caller is, to themselves.

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use jiff::Timestamp;
use keepsake_catalog::{Actor, api_tokens, organisations, users};
use keepsake_domain::{
    OrganisationId, TokenId, UserId,
    permission::{self, Action, Relation, Role, Scope},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Who the caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Me {
    /// A person.
    User(User),
    /// A program.
    Token(Program),
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub display_name: String,
    /// Theirs.
    pub organisation_id: OrganisationId,
    /// What people call it.
    pub organisation_name: String,
    /// It runs the installation.
    pub operator: bool,
    /// What they are in it.
    pub role: Role,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// They have a second factor.
    pub mfa_enrolled: bool,
    /// They gave it within the last 300 s.
    pub mfa_fresh: bool,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Program {
    /// Id of its token.
    pub id: TokenId,
    /// What people call it.
    pub name: String,
    /// For which organisation it acts.
    pub organisation_id: OrganisationId,
    /// What people call that.
    pub organisation_name: String,
    /// It runs the installation.
    pub operator: bool,
    /// What the token is for.
    pub scopes: BTreeSet<Scope>,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// Who the caller is.
///
/// # Errors
/// [`Code::Unauthenticated`] for nobody.
pub async fn me(service: &Service, caller: &Caller) -> Result<Me> {
    service.allow(caller, Action::WhoAmI, Relation::Collection, "caller", None).await?;
    let gone = || Error::new(Code::Unauthenticated, "nobody is logged in");
    let mut tx = service.begin(caller).await?;
    let organisation = caller.organisation().ok_or_else(gone)?;
    let organisation = organisations::get(&mut tx, organisation).await.map_err(catalog::failed)?.ok_or_else(gone)?;
    let me = match (&caller.actor, caller.scope.actor) {
        (permission::Actor::Person(person), Actor::User(id)) => {
            let user = users::get(&mut tx, id).await.map_err(catalog::failed)?.ok_or_else(gone)?;
            Me::User(User {
                id,
                email: user.email,
                display_name: user.display_name,
                organisation_id: organisation.id,
                organisation_name: organisation.name,
                operator: person.operator,
                role: user.role,
                emergency_authorised: user.emergency_authorised,
                mfa_enrolled: user.mfa_enrolled,
                mfa_fresh: person.mfa_fresh,
            })
        }
        (permission::Actor::Service(program), Actor::Token(id)) => {
            let token = api_tokens::get(&mut tx, id).await.map_err(catalog::failed)?.ok_or_else(gone)?;
            Me::Token(Program {
                id,
                name: token.name,
                organisation_id: organisation.id,
                organisation_name: organisation.name,
                operator: program.operator,
                scopes: token.scopes,
                expires_at: token.expires_at,
            })
        }
        _ => return Err(gone()),
    };
    tx.commit().await.map_err(catalog::failed)?;
    Ok(me)
}
