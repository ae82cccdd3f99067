//! Tokens by which programs act, by their hashes.

use crate::{Error, Page, Result, Tx, page::Cursor};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, TokenId, UserId, permission::Scope};
use std::collections::BTreeSet;

/// A token, without anything by which it could be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// For which organisation it acts.
    pub organisation: OrganisationId,
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

/// What a token that works stands for.
#[derive(Debug, Clone)]
pub struct Working {
    /// Its id.
    pub id: TokenId,
    /// For which organisation it acts.
    pub organisation: OrganisationId,
    /// It is the operator's.
    pub operator: bool,
    /// What it is for.
    pub scopes: BTreeSet<Scope>,
}

macro_rules! token {
    ($row:expr) => {
        ApiToken {
            id: TokenId::from_uuid($row.id),
            organisation: OrganisationId::from_uuid($row.organisation_id),
            created_by: UserId::from_uuid($row.created_by),
            name: $row.name,
            scopes: scopes(&$row.scopes)?,
            created_at: $row.created_at.to_jiff(),
            expires_at: $row.expires_at.to_jiff(),
            last_used_at: $row.last_used_at.map(|at| at.to_jiff()),
            revoked_at: $row.revoked_at.map(|at| at.to_jiff()),
        }
    };
}

fn scopes(words: &[String]) -> Result<BTreeSet<Scope>> {
    words.iter().map(|word| word.parse().map_err(|_| Error::row(format!("scope `{word}` of a token")))).collect()
}

/// Adds a token.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, token: &ApiToken, sha256: &[u8; 32]) -> Result<()> {
    let scopes: Vec<String> = token.scopes.iter().map(|scope| scope.name().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO keepsake.api_tokens (id, organisation_id, created_by, name, scopes, token_sha256, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        token.id.as_uuid(),
        token.organisation.as_uuid(),
        token.created_by.as_uuid(),
        token.name,
        &scopes,
        sha256.as_slice(),
        token.created_at.to_sqlx() as _,
        token.expires_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The token with this hash, if it works: neither revoked nor run out, and whoever made it is still an admin who can log in.
///
/// # Errors
/// [`Error`] by cause.
pub async fn working(tx: &mut Tx, sha256: &[u8; 32], now: Timestamp) -> Result<Option<Working>> {
    let row = sqlx::query!(
        "SELECT t.id, t.organisation_id, t.scopes, o.kind = 'operator' AS \"operator!\"
         FROM keepsake.api_tokens AS t
         JOIN keepsake.users AS u ON u.id = t.created_by
         JOIN keepsake.organisations AS o ON o.id = t.organisation_id
         WHERE t.token_sha256 = $1 AND t.revoked_at IS NULL AND t.expires_at > $2
           AND u.disabled_at IS NULL AND u.role = 'admin' AND o.deleted_at IS NULL",
        sha256.as_slice(),
        now.to_sqlx() as _
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        Ok(Working {
            id: TokenId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            operator: row.operator,
            scopes: scopes(&row.scopes)?,
        })
    })
    .transpose()
}

/// Notes that a token was used, at most once for each time since `since`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn touch(tx: &mut Tx, id: TokenId, now: Timestamp, since: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.api_tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $3)",
        id.as_uuid(),
        now.to_sqlx() as _,
        since.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The token of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: TokenId) -> Result<Option<ApiToken>> {
    let row = sqlx::query!(
        "SELECT id, organisation_id, created_by, name, scopes, created_at, expires_at, last_used_at, revoked_at
         FROM keepsake.api_tokens WHERE id = $1",
        id.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Ok(token!(row))).transpose()
}

/// The tokens in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<ApiToken>> {
    let rows = sqlx::query!(
        "SELECT id, organisation_id, created_by, name, scopes, created_at, expires_at, last_used_at, revoked_at
         FROM keepsake.api_tokens
         WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<ApiToken>> = rows.into_iter().map(|row| Ok(token!(row))).collect();
    Ok(Page::cut(items?, size.into(), |token| Cursor { at: token.created_at, id: *token.id.as_uuid() }))
}

/// Ends a token. Whether it still worked.
///
/// # Errors
/// [`Error`] by cause.
pub async fn revoke(tx: &mut Tx, id: TokenId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.api_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL",
        id.as_uuid(),
        now.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
