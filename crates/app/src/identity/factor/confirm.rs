//! The first code of a new authenticator: from here on it counts.

use super::{enrolling, nobody, person, recovery, step, totp, unseal};
use crate::{
    error::{Code, Error, Result},
    identity::{Access, Secret, throttle},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{
    credentials,
    sessions::{self, Given, Method},
};
use keepsake_domain::permission::{Action, Relation};
use serde::Serialize;

/// What confirming hands out.
#[derive(Debug, Clone, Serialize)]
pub struct Confirmed {
    /// For when the authenticator is lost, each works once. Shown this once.
    pub recovery_codes: Vec<Secret>,
    /// An access token with the factor in it.
    #[serde(flatten)]
    pub access: Access,
}

/// Makes the secret of [`enroll`](super::enroll) the caller's second factor, by a code made from it. Earlier factors, recovery
/// codes and what was opened with them end.
///
/// # Errors
/// [`Code::Invalid`] if nothing was enrolled; [`Code::MfaFailed`] if the code is wrong; [`Code::TooManyAttempts`] after five that
/// were; [`Code::MfaRequired`] if there was a factor, and it was not given just now.
pub async fn confirm(service: &Service, caller: &Caller, code: &Secret) -> Result<Confirmed> {
    let action = enrolling(service, caller).await?;
    let subject = person(caller).map_or_else(String::new, |person| format!("user {}", person.user));
    let work = confirm_now(service, caller, action, code);
    service.act(caller, action, Relation::Collection, &subject, None, work).await
}

async fn confirm_now(service: &Service, caller: &Caller, action: Action, code: &Secret) -> Result<Confirmed> {
    let person = person(caller).ok_or_else(nobody)?;
    let tried = throttle::factor(service, person.user);
    throttle::attempt(service, &tried, caller.scope.request).await?;
    let now = service.context.clock.now();
    let codes = recovery::Codes::new(person.user)?;
    let mut tx = service.begin(caller).await?;
    let factor = credentials::factor(&mut tx, person.user).await.map_err(catalog::failed)?;
    // Confirmed in between, in another session: then this takes that factor.
    if factor.confirmed_at.is_some() && action == Action::FirstFactorEnroll {
        return Err(Error::new(Code::MfaRequired, "a second factor is there already: give its code first"));
    }
    let nothing = || Error::new(Code::Invalid, "no authenticator is waiting to be confirmed: enrol one first");
    let sealed = factor.pending.ok_or_else(nothing)?;
    let totp = totp(&unseal(service, &person, &sealed)?, "")?;
    let step = step(&totp, code.expose(), service)
        .ok_or_else(|| Error::new(Code::MfaFailed, "this is not the code of the authenticator that was enrolled"))?;
    let hashes = codes.hashes();
    if !credentials::confirm(&mut tx, person.user, &sealed, step, &hashes, now).await.map_err(catalog::failed)? {
        return Err(nothing());
    }
    let given = Given { method: Method::Totp, at: now };
    if !sessions::step_up(&mut tx, person.session, given).await.map_err(catalog::failed)? {
        return Err(nobody());
    }
    tx.commit().await.map_err(catalog::failed)?;
    throttle::succeeded(service, &tried, caller.scope.request).await?;
    let access = Access::sign(service, person.user, person.organisation, person.role, person.session, Some(given))?;
    Ok(Confirmed { recovery_codes: codes.into_texts(), access })
}
