//! How users prove who they are: hashes and sealed secrets, nothing that could be used as it is (S30).

use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, UserId};

/// What a login needs to know of the user with an address.
#[derive(Clone)]
pub struct Login {
    /// The user.
    pub user: UserId,
    /// Theirs.
    pub organisation: OrganisationId,
    /// They can log in: neither they nor their organisation is switched off.
    pub enabled: bool,
    /// Hash of the password in PHC's text form, if one was set.
    pub password_phc: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("enabled", &self.enabled).finish_non_exhaustive()
    }
}

/// The second factor of a user.
#[derive(Clone, Default)]
pub struct Factor {
    /// The sealed secret that counts.
    pub confirmed: Option<Vec<u8>>,
    /// Since when.
    pub confirmed_at: Option<Timestamp>,
    /// The sealed secret that is enrolled, and not yet confirmed by a code.
    pub pending: Option<Vec<u8>>,
}

impl std::fmt::Debug for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Factor").field("confirmed_at", &self.confirmed_at).finish_non_exhaustive()
    }
}

/// Looks up who logs in with this address (in lower case).
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn for_login(tx: &mut Tx, email: &str) -> Result<Option<Login>> {
    let row = sqlx::query!(
        "SELECT u.id, u.organisation_id, c.password_phc AS \"password_phc?\",
                u.disabled_at IS NULL AND o.deleted_at IS NULL AS \"enabled!\"
         FROM keepsake.users AS u
         JOIN keepsake.organisations AS o ON o.id = u.organisation_id
         LEFT JOIN keepsake.credentials AS c ON c.user_id = u.id
         WHERE u.email = $1",
        email
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(|row| Login {
        user: UserId::from_uuid(row.id),
        organisation: OrganisationId::from_uuid(row.organisation_id),
        enabled: row.enabled,
        password_phc: row.password_phc,
    }))
}

/// Sets the password of a user.
///
/// # Errors
/// [`Error::Missing`](crate::Error::Missing) without the user; else by cause.
pub async fn set_password(
    tx: &mut Tx,
    organisation: OrganisationId,
    user: UserId,
    phc: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.credentials (user_id, organisation_id, password_phc, password_changed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (user_id) DO UPDATE SET password_phc = excluded.password_phc, password_changed_at = excluded.password_changed_at",
        user.as_uuid(),
        organisation.as_uuid(),
        phc,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The second factor of a user.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn factor(tx: &mut Tx, user: UserId) -> Result<Factor> {
    let row = sqlx::query!(
        "SELECT totp_sealed, totp_confirmed_at, totp_pending_sealed FROM keepsake.credentials WHERE user_id = $1",
        user.as_uuid()
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map_or_else(Factor::default, |row| Factor {
        confirmed: row.totp_sealed,
        confirmed_at: row.totp_confirmed_at.map(|at| at.to_jiff()),
        pending: row.totp_pending_sealed,
    }))
}

/// Enrols a secret. One that is confirmed goes on until this one is.
///
/// # Errors
/// [`Error::Missing`](crate::Error::Missing) without the user; else by cause.
pub async fn enroll(tx: &mut Tx, organisation: OrganisationId, user: UserId, sealed: &[u8]) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.credentials (user_id, organisation_id, totp_pending_sealed) VALUES ($1, $2, $3)
         ON CONFLICT (user_id) DO UPDATE SET totp_pending_sealed = excluded.totp_pending_sealed",
        user.as_uuid(),
        organisation.as_uuid(),
        sealed,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes the enrolled secret the one that counts, with new recovery codes. `false`: another one was enrolled in between.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn confirm(
    tx: &mut Tx,
    user: UserId,
    sealed: &[u8],
    step: i64,
    recovery_codes_sha256: &[Vec<u8>],
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.credentials
         SET totp_sealed = totp_pending_sealed, totp_pending_sealed = NULL, totp_confirmed_at = $3, totp_last_step = $4,
             recovery_codes_sha256 = $5
         WHERE user_id = $1 AND totp_pending_sealed = $2",
        user.as_uuid(),
        sealed,
        now.to_sqlx() as _,
        step,
        recovery_codes_sha256,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes note of the time step of a code. `false`: it or a later one was accepted before, so this one must not be.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn accept_step(tx: &mut Tx, user: UserId, step: i64) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.credentials SET totp_last_step = $2
         WHERE user_id = $1 AND totp_confirmed_at IS NOT NULL AND coalesce(totp_last_step, -1) < $2",
        user.as_uuid(),
        step
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses a recovery code up. `None`: there is none of that hash; else how many are left.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn use_recovery_code(tx: &mut Tx, user: UserId, sha256: &[u8; 32]) -> Result<Option<u32>> {
    let left = sqlx::query_scalar!(
        "UPDATE keepsake.credentials SET recovery_codes_sha256 = array_remove(recovery_codes_sha256, $2)
         WHERE user_id = $1 AND totp_confirmed_at IS NOT NULL AND $2 = ANY (recovery_codes_sha256)
         RETURNING cardinality(recovery_codes_sha256) AS \"left!\"",
        user.as_uuid(),
        sha256.as_slice(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(left.map(|left| u32::try_from(left).unwrap_or(0)))
}
