//! A new token.

use super::Token;
use crate::{
    error::{Code, Error, Result},
    identity::{Secret, secret},
    service::{Caller, Service, catalog},
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::{
    Actor,
    api_tokens::{self, ApiToken},
};
use keepsake_domain::{
    TokenId, permission,
    permission::{Action, Relation, Scope},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Longest life of a token: a secret that nobody renews is one that nobody knows the way of.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Longest name, in characters.
const LONGEST_NAME: usize = 200;

/// A token to be made, for the caller's organisation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it.
    pub name: String,
    /// What it is for; at least one.
    pub scopes: BTreeSet<Scope>,
    /// Until when it works; at most a year from now.
    pub expires_at: Timestamp,
}

/// A token that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Created {
    /// The token itself, shown this once.
    pub secret: Secret,
    /// What stays of it.
    #[serde(flatten)]
    pub token: Token,
}

/// Makes a token.
///
/// # Errors
/// [`Code::MfaRequired`]; [`Code::Invalid`] by what it names.
pub async fn create(service: &Service, caller: &Caller, new: &NewToken) -> Result<Created> {
    let id = TokenId::from_uuid(service.context.new_id()?);
    let work = create_now(service, caller, new, id);
    service.act(caller, Action::TokenCreate, Relation::Collection, &format!("token {id}"), None, work).await
}

async fn create_now(service: &Service, caller: &Caller, new: &NewToken, id: TokenId) -> Result<Created> {
    let now = service.context.clock.now();
    check(caller, new, now)?;
    let (Actor::User(user), Some(organisation)) = (caller.scope.actor, caller.organisation()) else {
        return Err(Error::new(Code::Invalid, "tokens are made by users who are logged in"));
    };
    let token = ApiToken {
        id,
        organisation,
        created_by: user,
        name: new.name.trim().to_owned(),
        scopes: new.scopes.clone(),
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let (secret, sha256) = secret::new_token(secret::API)?;
    let mut tx = service.begin(caller).await?;
    api_tokens::add(&mut tx, &token, &sha256).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(Created { secret, token: token.into() })
}

fn check(caller: &Caller, new: &NewToken, now: Timestamp) -> Result<()> {
    let invalid = |message: &str| Err(Error::new(Code::Invalid, message));
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
        return invalid("the name of a token has 1 to 200 characters, in one line");
    }
    if new.scopes.is_empty() {
        return invalid("a token needs at least one scope");
    }
    let operator = matches!(&caller.actor, permission::Actor::Person(person) if person.operator);
    if new.scopes.contains(&Scope::Metrics) && !operator {
        return invalid("the scope `metrics` is for tokens of the operator");
    }
    if new.expires_at <= now || new.expires_at > now + LONGEST {
        return invalid("a token ends in the future, and at most 366 days from now");
    }
    Ok(())
}
