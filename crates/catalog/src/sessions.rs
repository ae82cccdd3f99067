//! What began with a login: refresh tokens that replace each other, by their hashes.
//!
//! A session is a family of rows, one for each refresh token it had. One row is the living one; a replaced token that comes
//! again was stolen, or its thief was faster: the family ends ([`revoke`]).

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, SessionId, UserId, permission::Role};
use uuid::Uuid;

/// A second factor that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub method: Method,
    /// When.
    pub at: Timestamp,
}

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A code of an authenticator.
    Totp,
    /// A recovery code.
    RecoveryCode,
}

impl Method {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        [Self::Totp, Self::RecoveryCode]
            .into_iter()
            .find(|method| method.name() == word)
            .ok_or_else(|| Error::row(format!("second factor `{word}`")))
    }
}

/// A refresh token to be added.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Id of its row.
    pub id: Uuid,
    /// Whose organisation.
    pub organisation: OrganisationId,
    /// Whose.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// Hash of the token.
    pub sha256: [u8; 32],
    /// The second factor that was given in this session.
    pub mfa: Option<Given>,
    /// Now.
    pub issued_at: Timestamp,
    /// When the session ends, whatever happens in it.
    pub expires_at: Timestamp,
}

/// A refresh token that is known.
#[derive(Debug, Clone)]
pub struct Held {
    /// Id of its row.
    pub id: Uuid,
    /// Whose organisation.
    pub organisation: OrganisationId,
    /// Whose.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The second factor that was given in this session.
    pub mfa: Option<Given>,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// Another token took its place.
    pub replaced: bool,
    /// Its session was ended, or its user or organisation is switched off.
    pub revoked: bool,
}

/// The user behind a session that goes on.
#[derive(Debug, Clone, Copy)]
pub struct Living {
    /// Theirs.
    pub organisation: OrganisationId,
    /// It is the operator's.
    pub operator: bool,
    /// What they are in it.
    pub role: Role,
    /// They may run an emergency restore.
    pub emergency_authorised: bool,
    /// Since when their present second factor counts.
    pub factor_since: Option<Timestamp>,
}

/// Adds a refresh token.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, token: &NewToken) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.sessions (id, organisation_id, user_id, family, refresh_sha256, mfa_at, mfa_method, issued_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        token.id,
        token.organisation.as_uuid(),
        token.user.as_uuid(),
        token.session.as_uuid(),
        token.sha256.as_slice(),
        token.mfa.map(|given| given.at.to_sqlx()) as _,
        token.mfa.map(|given| given.method.name()),
        token.issued_at.to_sqlx() as _,
        token.expires_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The refresh token with this hash.
///
/// # Errors
/// [`Error`] by cause.
pub async fn by_refresh(tx: &mut Tx, sha256: &[u8; 32]) -> Result<Option<Held>> {
    let row = sqlx::query!(
        "SELECT s.id, s.organisation_id, s.user_id, s.family, s.mfa_at, s.mfa_method, s.expires_at,
                s.replaced_at IS NOT NULL AS \"replaced!\",
                s.revoked_at IS NOT NULL OR u.disabled_at IS NOT NULL OR o.deleted_at IS NOT NULL AS \"revoked!\"
         FROM keepsake.sessions AS s
         JOIN keepsake.users AS u ON u.id = s.user_id
         JOIN keepsake.organisations AS o ON o.id = s.organisation_id
         WHERE s.refresh_sha256 = $1",
        sha256.as_slice()
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        let mfa = match (row.mfa_at, row.mfa_method) {
            (Some(at), Some(method)) => Some(Given { method: Method::parse(&method)?, at: at.to_jiff() }),
            _ => None,
        };
        Ok(Held {
            id: row.id,
            organisation: OrganisationId::from_uuid(row.organisation_id),
            user: UserId::from_uuid(row.user_id),
            session: SessionId::from_uuid(row.family),
            mfa,
            expires_at: row.expires_at.to_jiff(),
            replaced: row.replaced,
            revoked: row.revoked,
        })
    })
    .transpose()
}

/// Marks a token as replaced. `false`: somebody else did so first, or the session was ended.
///
/// # Errors
/// [`Error`] by cause.
pub async fn replace(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.sessions SET replaced_at = $2 WHERE id = $1 AND replaced_at IS NULL AND revoked_at IS NULL",
        id,
        now.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The user of a session, if it goes on and they may still log in.
///
/// # Errors
/// [`Error`] by cause.
pub async fn living(tx: &mut Tx, user: UserId, session: SessionId, now: Timestamp) -> Result<Option<Living>> {
    let row = sqlx::query!(
        "SELECT u.organisation_id, u.role, u.emergency_authorised, o.kind = 'operator' AS \"operator!\",
                c.totp_confirmed_at AS \"totp_confirmed_at?\"
         FROM keepsake.users AS u
         JOIN keepsake.organisations AS o ON o.id = u.organisation_id
         LEFT JOIN keepsake.credentials AS c ON c.user_id = u.id
         WHERE u.id = $1 AND u.disabled_at IS NULL AND o.deleted_at IS NULL AND EXISTS (
             SELECT FROM keepsake.sessions AS s
             WHERE s.family = $2 AND s.user_id = u.id AND s.revoked_at IS NULL AND s.replaced_at IS NULL AND s.expires_at > $3)",
        user.as_uuid(),
        session.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        Ok(Living {
            organisation: OrganisationId::from_uuid(row.organisation_id),
            operator: row.operator,
            role: crate::users::role(&row.role)?,
            emergency_authorised: row.emergency_authorised,
            factor_since: row.totp_confirmed_at.map(|at| at.to_jiff()),
        })
    })
    .transpose()
}

/// Notes in a session that goes on that a second factor was given. `false`: it does not go on.
///
/// # Errors
/// [`Error`] by cause.
pub async fn step_up(tx: &mut Tx, session: SessionId, given: Given) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.sessions SET mfa_at = $2, mfa_method = $3
         WHERE family = $1 AND replaced_at IS NULL AND revoked_at IS NULL",
        session.as_uuid(),
        given.at.to_sqlx() as _,
        given.method.name(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a session. Whether it still went on.
///
/// # Errors
/// [`Error`] by cause.
pub async fn revoke(tx: &mut Tx, session: SessionId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.sessions SET revoked_at = $2 WHERE family = $1 AND revoked_at IS NULL",
        session.as_uuid(),
        now.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends every session of a user.
///
/// # Errors
/// [`Error`] by cause.
pub async fn revoke_all(tx: &mut Tx, organisation: OrganisationId, user: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.sessions SET revoked_at = $3 WHERE organisation_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        organisation.as_uuid(),
        user.as_uuid(),
        now.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Forgets the tokens of a user that have run out.
///
/// # Errors
/// [`Error`] by cause.
pub async fn forget(tx: &mut Tx, organisation: OrganisationId, user: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "DELETE FROM keepsake.sessions WHERE organisation_id = $1 AND user_id = $2 AND expires_at <= $3",
        organisation.as_uuid(),
        user.as_uuid(),
        now.to_sqlx() as _
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
