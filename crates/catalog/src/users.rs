//! People who log in.

use crate::{Error, Page, Result, Tx, page::Cursor};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, UserId, permission::Role};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Theirs.
    pub organisation: OrganisationId,
    /// In lower case.
    pub email: String,
    /// What people call them.
    pub display_name: String,
    /// What they are in their organisation.
    pub role: Role,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// A second factor is confirmed.
    pub mfa_enrolled: bool,
    /// Since when they cannot log in.
    pub disabled_at: Option<Timestamp>,
    /// Since when they are here.
    pub created_at: Timestamp,
}

macro_rules! user {
    ($row:expr) => {
        User {
            id: UserId::from_uuid($row.id),
            organisation: OrganisationId::from_uuid($row.organisation_id),
            email: $row.email,
            display_name: $row.display_name,
            role: role(&$row.role)?,
            emergency_authorised: $row.emergency_authorised,
            mfa_enrolled: $row.mfa_enrolled,
            disabled_at: $row.disabled_at.map(|at| at.to_jiff()),
            created_at: $row.created_at.to_jiff(),
        }
    };
}

pub(crate) fn role(word: &str) -> Result<Role> {
    word.parse().map_err(|_| Error::row(format!("role `{word}`")))
}

/// Adds a user, without a password or second factor whatever `user` says of it.
///
/// # Errors
/// [`Error::Exists`] if the address is somebody's, [`Error::Missing`] without the organisation; else by cause.
pub async fn add(tx: &mut Tx, user: &User) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.users (id, organisation_id, email, display_name, role, emergency_authorised, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        user.id.as_uuid(),
        user.organisation.as_uuid(),
        user.email,
        user.display_name,
        user.role.name(),
        user.emergency_authorised,
        user.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The user of that id, if they are in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    let row = sqlx::query!(
        "SELECT u.id, u.organisation_id, u.email, u.display_name, u.role, u.emergency_authorised, u.disabled_at, u.created_at,
                c.totp_confirmed_at IS NOT NULL AS \"mfa_enrolled!\"
         FROM keepsake.users AS u LEFT JOIN keepsake.credentials AS c ON c.user_id = u.id
         WHERE u.id = $1",
        id.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Ok(user!(row))).transpose()
}

/// The users in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<User>> {
    let rows = sqlx::query!(
        "SELECT u.id, u.organisation_id, u.email, u.display_name, u.role, u.emergency_authorised, u.disabled_at, u.created_at,
                c.totp_confirmed_at IS NOT NULL AS \"mfa_enrolled!\"
         FROM keepsake.users AS u LEFT JOIN keepsake.credentials AS c ON c.user_id = u.id
         WHERE $1::timestamptz IS NULL OR (u.created_at, u.id) < ($1, $2)
         ORDER BY u.created_at DESC, u.id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<User>> = rows.into_iter().map(|row| Ok(user!(row))).collect();
    Ok(Page::cut(items?, size.into(), |user| Cursor { at: user.created_at, id: *user.id.as_uuid() }))
}

/// Replaces what can be changed of a user, but for the emergency flag. `false`: there is none in reach.
///
/// # Errors
/// [`Error::Exists`] if the address is somebody else's; else by cause.
pub async fn replace(tx: &mut Tx, user: &User) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.users SET email = $2, display_name = $3, role = $4, disabled_at = $5 WHERE id = $1",
        user.id.as_uuid(),
        user.email,
        user.display_name,
        user.role.name(),
        user.disabled_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the emergency flag. `false`: there is no such user in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn authorise_emergency(tx: &mut Tx, id: UserId, authorised: bool) -> Result<bool> {
    let done =
        sqlx::query!("UPDATE keepsake.users SET emergency_authorised = $2 WHERE id = $1", id.as_uuid(), authorised)
            .execute(tx.connection())
            .await?;
    Ok(done.rows_affected() == 1)
}

/// The admins of an organisation who can log in, held until the end of the transaction: whoever takes one away must see
/// that another stays.
///
/// # Errors
/// [`Error`] by cause.
pub async fn hold_admins(tx: &mut Tx, organisation: OrganisationId) -> Result<Vec<UserId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM keepsake.users WHERE organisation_id = $1 AND role = 'admin' AND disabled_at IS NULL
         ORDER BY id FOR UPDATE",
        organisation.as_uuid()
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}
