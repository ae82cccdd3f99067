//! E-mail address and password, for a session.

use super::{SESSION_LIFETIME, Secret, Session, password, secret, session::Access, throttle, users::Email};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{
    Tx, credentials,
    sessions::{self, NewToken},
    users,
};
use keepsake_domain::{
    RequestId, SessionId, UserId,
    permission::{Action, Relation},
};
use serde::Deserialize;

/// Who wants to log in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Their address, in any case.
    pub email: Secret,
    /// Their password.
    pub password: Secret,
}

/// Begins a session. Who is unknown, switched off, without a password, or has another one, gets one answer after the same work.
///
/// # Errors
/// [`Code::Unauthenticated`]; [`Code::TooManyAttempts`] after five failures for this address in 15 minutes, on whichever nodes;
/// [`Code::Busy`] if too many log in at once.
pub async fn login(service: &Service, login: &Login, request: RequestId) -> Result<Session> {
    password::warm_up().await?;
    let caller = Caller::anonymous(request);
    let email = Email::lower(login.email.expose());
    let tried = throttle::address(service, &email);
    throttle::attempt(service, &tried, request).await?;
    let mut tx = service.begin(&caller).await?;
    let known = credentials::for_login(&mut tx, &email).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    let subject = match &known {
        Some(known) => format!("user {}", known.user),
        None => format!("address {}", hex::encode(tried)),
    };
    let owner = known.as_ref().map(|known| known.organisation);
    let session = async {
        let (user, phc) = match known {
            Some(known) => (known.enabled.then_some(known.user), known.password_phc),
            None => (None, None),
        };
        let is_right = password::verify(&login.password, phc).await?;
        let user = user.filter(|_| is_right).ok_or_else(wrong)?;
        let session = begin(service, &caller, user).await?;
        throttle::succeeded(service, &tried, request).await?;
        Ok(session)
    };
    service.act(&caller, Action::Login, Relation::Collection, &subject, owner, session).await
}

async fn begin(service: &Service, caller: &Caller, user: UserId) -> Result<Session> {
    let now = service.context.clock.now();
    let mut tx = service.begin(caller).await?;
    let user = users::get(&mut tx, user).await.map_err(catalog::failed)?.ok_or_else(wrong)?;
    sessions::forget(&mut tx, user.organisation, user.id, now).await.map_err(catalog::failed)?;
    let token = NewToken {
        id: service.context.new_id()?,
        organisation: user.organisation,
        user: user.id,
        session: SessionId::from_uuid(service.context.new_id()?),
        // Filled in with the token itself.
        sha256: [0; 32],
        mfa: None,
        issued_at: now,
        expires_at: now + SESSION_LIFETIME,
    };
    let session = hand_out(service, &mut tx, &user, token).await?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(session)
}

/// Makes a refresh token and an access token for a session.
pub(super) async fn hand_out(
    service: &Service,
    tx: &mut Tx,
    user: &users::User,
    mut token: NewToken,
) -> Result<Session> {
    let (refresh_token, sha256) = secret::new_token(secret::REFRESH)?;
    token.sha256 = sha256;
    sessions::add(tx, &token).await.map_err(catalog::failed)?;
    let access = Access::sign(service, user.id, user.organisation, user.role, token.session, token.mfa)?;
    Ok(Session {
        access,
        refresh_token,
        session_expires_at: token.expires_at,
        user_id: user.id,
        organisation_id: user.organisation,
        role: user.role,
        mfa_enrolled: user.mfa_enrolled,
    })
}

fn wrong() -> Error {
    Error::new(Code::Unauthenticated, "the e-mail address or the password is wrong")
}
