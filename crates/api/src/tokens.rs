//! Tokens by which programs act.

use crate::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenScope {
    /// Read configurations, executions, points, weddings and status.
    Read,
    /// Create, replace and test configurations.
    Configure,
    /// Start, cancel and retry backups, and sync sources.
    Execute,
    /// Verify points and rehearse restores.
    Verify,
    /// Read metrics of the installation; for tokens of the operator.
    Metrics,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What people call it.
    #[schema(example = "nightly reports", min_length = 1, max_length = 200)]
    pub name: String,
    /// What it is for; at least one.
    #[schema(min_items = 1)]
    pub scopes: Vec<TokenScope>,
    /// Until when it works; at most 366 days from now.
    pub expires_at: Timestamp,
}

/// A token, without anything by which it could be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// For which organisation it acts.
    pub organisation_id: Uuid,
    /// Who made it.
    pub created_by: Uuid,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub scopes: Vec<TokenScope>,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// Until when it works.
    pub expires_at: Timestamp,
    /// When it was used last, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Since when it works no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token itself, shown this once.
    pub secret: Secret,
    /// What stays of it.
    pub token: Token,
}

/// A page of tokens, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenList {
    /// The tokens.
    pub items: Vec<Token>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
