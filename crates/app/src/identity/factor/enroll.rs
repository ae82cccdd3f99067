//! A new secret for an authenticator app.

use super::{ISSUER, SECRET_BYTES, enrolling, nobody, person, place, totp};
use crate::{
    error::{Code, Error, Result},
    identity::{Secret, password, secret, throttle},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{credentials, users};
use keepsake_domain::permission::{Action, Relation};
use keepsake_keys::SysRng;
use serde::Serialize;

/// What goes into an authenticator app.
#[derive(Debug, Clone, Serialize)]
pub struct Enrolled {
    /// `otpauth://...`, to be drawn as a QR code.
    pub url: Secret,
    /// The same secret to be typed, in base32.
    pub secret: Secret,
    /// What the app shows.
    pub issuer: &'static str,
}

/// Makes a secret for the caller. It counts once it is confirmed by a code; a factor from before goes on until then. The
/// password is asked for again, so that a stolen access token is not enough to add the first factor.
///
/// # Errors
/// [`Code::Unauthenticated`] if the password is wrong; [`Code::TooManyAttempts`]; [`Code::MfaRequired`] if there is a factor
/// already, and it was not given just now; [`Code::Forbidden`] for programs.
pub async fn enroll(service: &Service, caller: &Caller, password: &Secret) -> Result<Enrolled> {
    let action = enrolling(service, caller).await?;
    let subject = person(caller).map_or_else(String::new, |person| format!("user {}", person.user));
    let work = enroll_now(service, caller, action, password);
    service.act(caller, action, Relation::Collection, &subject, None, work).await
}

async fn enroll_now(service: &Service, caller: &Caller, action: Action, given: &Secret) -> Result<Enrolled> {
    let person = person(caller).ok_or_else(nobody)?;
    let mut tx = service.begin(caller).await?;
    let user = users::get(&mut tx, person.user).await.map_err(catalog::failed)?.ok_or_else(nobody)?;
    let known = credentials::for_login(&mut tx, &user.email).await.map_err(catalog::failed)?.ok_or_else(nobody)?;
    tx.commit().await.map_err(catalog::failed)?;
    let tried = throttle::address(service, &user.email);
    throttle::attempt(service, &tried, caller.scope.request).await?;
    if !password::verify(given, known.password_phc).await? {
        return Err(Error::new(Code::Unauthenticated, "the password is wrong"));
    }
    throttle::succeeded(service, &tried, caller.scope.request).await?;

    let bytes = secret::random::<SECRET_BYTES>()?;
    let totp = totp(bytes.as_ref(), &user.email)?;
    let url = totp.to_url().map_err(|error| Error::because(Code::Invalid, "no URL for authenticators", error))?;
    let sealed = service
        .context
        .master
        .seal(place(person.organisation, person.user), bytes.as_ref(), &mut SysRng)
        .map_err(|error| Error::because(Code::HomeFailed, "the secret could not be sealed", error))?;
    let mut tx = service.begin(caller).await?;
    // Confirmed in between, in another session: then this takes that factor.
    let factor = credentials::factor(&mut tx, person.user).await.map_err(catalog::failed)?;
    if factor.confirmed_at.is_some() && action == Action::FirstFactorEnroll {
        return Err(Error::new(Code::MfaRequired, "a second factor is there already: give its code first"));
    }
    credentials::enroll(&mut tx, person.organisation, person.user, &sealed).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(Enrolled { url: Secret::new(url), secret: Secret::new(totp.secret().to_base32()), issuer: ISSUER })
}
