//! Step-up: the second factor, given now.

use super::{nobody, person, recovery, step, totp, unseal};
use crate::{
    error::{Code, Error, Result},
    identity::{Access, Secret, throttle},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{
    Tx, credentials,
    sessions::{self, Given, Method},
};
use keepsake_domain::permission::{Action, Relation};
use serde::Deserialize;

/// What is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The authenticator's six digits.
    Code(Secret),
    /// One of the recovery codes.
    RecoveryCode(Secret),
}

/// Opens, for 300 s from now and in this session, what takes a second factor: by the access token that is returned, not by
/// those from before.
///
/// # Errors
/// [`Code::MfaFailed`] if the code is wrong or was used before; [`Code::TooManyAttempts`] after five in 15 minutes that were;
/// [`Code::Invalid`] if the caller has no second factor; [`Code::Forbidden`] for programs.
pub async fn verify(service: &Service, caller: &Caller, factor: &Factor) -> Result<Access> {
    let subject = person(caller).map_or_else(String::new, |person| format!("user {}", person.user));
    let work = verify_now(service, caller, factor);
    service.act(caller, Action::StepUp, Relation::Collection, &subject, None, work).await
}

async fn verify_now(service: &Service, caller: &Caller, factor: &Factor) -> Result<Access> {
    let person = person(caller).ok_or_else(nobody)?;
    let tried = throttle::factor(service, person.user);
    throttle::attempt(service, &tried, caller.scope.request).await?;
    let mut tx = service.begin(caller).await?;
    let method = accept(service, caller, &mut tx, factor).await?;
    let given = Given { method, at: service.context.clock.now() };
    if !sessions::step_up(&mut tx, person.session, given).await.map_err(catalog::failed)? {
        return Err(nobody());
    }
    tx.commit().await.map_err(catalog::failed)?;
    throttle::succeeded(service, &tried, caller.scope.request).await?;
    Access::sign(service, person.user, person.organisation, person.role, person.session, Some(given))
}

/// Checks a code and uses it up.
async fn accept(service: &Service, caller: &Caller, tx: &mut Tx, factor: &Factor) -> Result<Method> {
    let person = person(caller).ok_or_else(nobody)?;
    let enrolled = credentials::factor(tx, person.user).await.map_err(catalog::failed)?;
    let (Some(sealed), Some(_)) = (enrolled.confirmed, enrolled.confirmed_at) else {
        return Err(Error::new(Code::Invalid, "there is no second factor: enrol one first"));
    };
    let wrong = || Error::new(Code::MfaFailed, "the code is wrong, or was used before");
    match factor {
        Factor::Code(code) => {
            let totp = totp(&unseal(service, &person, &sealed)?, "")?;
            let step = step(&totp, code.expose(), service).ok_or_else(wrong)?;
            let is_new = credentials::accept_step(tx, person.user, step).await.map_err(catalog::failed)?;
            is_new.then_some(Method::Totp).ok_or_else(wrong)
        }
        Factor::RecoveryCode(code) => {
            let hash = recovery::hash(person.user, code.expose());
            let left = credentials::use_recovery_code(tx, person.user, &hash).await.map_err(catalog::failed)?;
            left.map(|_| Method::RecoveryCode).ok_or_else(wrong)
        }
    }
}
