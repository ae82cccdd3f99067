//! The next access token, for a refresh token that works once.

use super::{
    Session,
    login::hand_out,
    secret::{REFRESH, token_hash},
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{
    sessions::{self, Held, NewToken},
    users,
};
use keepsake_domain::{
    RequestId,
    permission::{Action, Relation},
};

/// Goes on with a session: a new access token, and a new refresh token in place of the old. A second factor stays as old as it is.
///
/// A token that was replaced and comes again is in two hands, and which of them is its user's cannot be told: the session ends.
///
/// # Errors
/// [`Code::Unauthenticated`] if it is no token, or its session is over; [`Code::SessionRevoked`] if it was used before.
pub async fn refresh(service: &Service, refresh_token: &str, request: RequestId) -> Result<Session> {
    let caller = Caller::anonymous(request);
    let hash = token_hash(REFRESH, refresh_token).ok_or_else(over)?;
    let mut tx = service.begin(&caller).await?;
    let held = sessions::by_refresh(&mut tx, &hash).await.map_err(catalog::failed)?.ok_or_else(over)?;
    tx.commit().await.map_err(catalog::failed)?;
    let subject = format!("user {} session {}", held.user, held.session);
    let owner = Some(held.organisation);
    service.act(&caller, Action::Login, Relation::Collection, &subject, owner, rotate(service, &caller, held)).await
}

async fn rotate(service: &Service, caller: &Caller, held: Held) -> Result<Session> {
    let now = service.context.clock.now();
    if held.revoked || held.expires_at <= now {
        return Err(over());
    }
    let mut tx = service.begin(caller).await?;
    if held.replaced || !sessions::replace(&mut tx, held.id, now).await.map_err(catalog::failed)? {
        sessions::revoke(&mut tx, held.session, now).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)?;
        return Err(Error::new(Code::SessionRevoked, "this refresh token was used before: the session was ended"));
    }
    let user = users::get(&mut tx, held.user).await.map_err(catalog::failed)?.ok_or_else(over)?;
    let token = NewToken {
        id: service.context.new_id()?,
        organisation: held.organisation,
        user: held.user,
        session: held.session,
        // Filled in with the token itself.
        sha256: [0; 32],
        mfa: held.mfa,
        issued_at: now,
        expires_at: held.expires_at,
    };
    let session = hand_out(service, &mut tx, &user, token).await?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(session)
}

fn over() -> Error {
    Error::new(Code::Unauthenticated, "the session is over")
}
