//! Tokens by which programs act.

pub mod create;
pub mod get;
pub mod list;
pub mod revoke;

use keepsake_api::tokens::{Token, TokenScope};
use keepsake_app::identity::tokens;
use keepsake_domain::permission::Scope;
use std::collections::BTreeSet;

fn token(token: tokens::Token) -> Token {
    Token {
        id: *token.id.as_uuid(),
        organisation_id: *token.organisation_id.as_uuid(),
        created_by: *token.created_by.as_uuid(),
        name: token.name,
        scopes: scopes(&token.scopes),
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
        revoked_at: token.revoked_at,
    }
}

pub(super) fn scopes(scopes: &BTreeSet<Scope>) -> Vec<TokenScope> {
    let word = |scope: &Scope| match scope {
        Scope::Read => TokenScope::Read,
        Scope::Configure => TokenScope::Configure,
        Scope::Execute => TokenScope::Execute,
        Scope::Verify => TokenScope::Verify,
        Scope::Metrics => TokenScope::Metrics,
    };
    scopes.iter().map(word).collect()
}

fn asked_scopes(scopes: &[TokenScope]) -> BTreeSet<Scope> {
    let word = |scope: &TokenScope| match scope {
        TokenScope::Read => Scope::Read,
        TokenScope::Configure => Scope::Configure,
        TokenScope::Execute => Scope::Execute,
        TokenScope::Verify => Scope::Verify,
        TokenScope::Metrics => Scope::Metrics,
    };
    scopes.iter().map(word).collect()
}
