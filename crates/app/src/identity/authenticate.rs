//! Who calls: a person by an access token, a program by an API token.

use super::{
    access,
    secret::{API, token_hash},
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use jiff::SignedDuration;
use keepsake_catalog::{api_tokens, sessions};
use keepsake_domain::{
    RequestId,
    permission::{self, Person},
};

/// How exactly it is noted when a token was used: not at every call.
const USE_NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Who has this token (what follows `Bearer` in the `Authorization` header), as the catalog knows them at this moment.
///
/// # Errors
/// [`Code::Unauthenticated`] if it is no token, or works no more: run out, revoked, its session ended, its user or
/// organisation switched off.
pub async fn authenticate(service: &Service, bearer: &str, request: RequestId) -> Result<Caller> {
    match bearer.starts_with(API) {
        true => program(service, bearer, request).await,
        false => person(service, bearer, request).await,
    }
}

async fn person(service: &Service, bearer: &str, request: RequestId) -> Result<Caller> {
    let now = service.context.clock.now();
    let claims = access::read(&service.context.master, bearer, now).ok_or_else(refused)?;
    let mut tx = service.begin(&Caller::anonymous(request)).await?;
    let living = sessions::living(&mut tx, claims.sub, claims.sid, now).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    let living = living.ok_or_else(refused)?;
    let mfa_at = claims.fresh_mfa_at(living.factor_since, now);
    let person = Person {
        role: living.role,
        operator: living.operator,
        emergency_authorised: living.emergency_authorised,
        mfa_fresh: mfa_at.is_some(),
    };
    let caller = Caller::person(claims.sub, living.organisation, person, request);
    Ok(Caller { mfa_at, ..caller.in_session(claims.sid) })
}

async fn program(service: &Service, bearer: &str, request: RequestId) -> Result<Caller> {
    let now = service.context.clock.now();
    let hash = token_hash(API, bearer).ok_or_else(refused)?;
    let mut tx = service.begin(&Caller::anonymous(request)).await?;
    let working = api_tokens::working(&mut tx, &hash, now).await.map_err(catalog::failed)?;
    let working = working.ok_or_else(refused)?;
    api_tokens::touch(&mut tx, working.id, now, now - USE_NOTED_EVERY).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    let actor = permission::Service { operator: working.operator, scopes: working.scopes };
    Ok(Caller::program(working.id, working.organisation, actor, request))
}

fn refused() -> Error {
    Error::new(Code::Unauthenticated, "the token is not valid, or not any more")
}
