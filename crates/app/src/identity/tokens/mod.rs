//! Tokens by which programs act: made by admins, with scopes and an end.
//!
//! A token works as long as whoever made it is an admin who can log in. It is shown once, when it is made.

mod create;
mod get;
mod list;
mod revoke;

pub use create::{Created, NewToken, create};
pub use get::get;
pub use list::list;
pub use revoke::revoke;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use jiff::Timestamp;
use keepsake_catalog::api_tokens::{self, ApiToken};
use keepsake_domain::{
    OrganisationId, TokenId, UserId,
    permission::{Relation, Scope},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A token, without anything by which it could be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// For which organisation it acts.
    pub organisation_id: OrganisationId,
    /// Who made it.
    pub created_by: UserId,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub scopes: BTreeSet<Scope>,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it works no more.
    pub revoked_at: Option<Timestamp>,
}

impl From<ApiToken> for Token {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id,
            organisation_id: token.organisation,
            created_by: token.created_by,
            name: token.name,
            scopes: token.scopes,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

async fn find(service: &Service, caller: &Caller, id: TokenId) -> Result<(Option<ApiToken>, Relation)> {
    let mut tx = service.begin(caller).await?;
    let token = api_tokens::get(&mut tx, id).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    let relation = super::users::relation(caller, token.as_ref().map(|token| token.organisation));
    Ok((token, relation))
}

fn missing() -> Error {
    Error::new(Code::NotFound, "there is no token of that id")
}
