//! The second factor: time-based codes (RFC 6238) of an authenticator app, and recovery codes for when it is lost.
//!
//! The first is enrolled by its user with their password, another one takes the one before it (S31). The secret lies sealed
//! in the catalog, bound to its user (S30). A code works once: the time step of the last one is kept.

mod confirm;
mod enroll;
mod recovery;
mod verify;

pub use confirm::{Confirmed, confirm};
pub use enroll::{Enrolled, enroll};
pub use verify::{Factor, verify};

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{Actor, credentials};
use keepsake_domain::{OrganisationId, SessionId, UserId, permission, permission::Action, permission::Role};
use keepsake_keys::Place;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

/// Random bytes of a secret: what RFC 4226 recommends, and what SHA-1 takes.
const SECRET_BYTES: usize = 20;
/// What authenticator apps show beside the address.
const ISSUER: &str = "Keepsake";

/// The authenticator of a secret: six digits, 30 s, SHA-1, one step of difference between clocks. Other values are in the
/// standard, too, and some apps ignore them.
fn totp(secret: &[u8], account: &str) -> Result<Totp> {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_skew(1)
        .with_secret(Zeroizing::new(secret.to_vec()).to_vec())
        .with_issuer(Some(ISSUER))
        .with_account_name(account)
        .build()
        .map_err(|error| Error::because(Code::Invalid, "an authenticator cannot be set up for this address", error))
}

/// The time step of a code, if it is one of these moments.
fn step(totp: &Totp, code: &str, service: &Service) -> Option<i64> {
    let now = u64::try_from(service.context.clock.now().as_second()).ok()?;
    // People copy the gap that apps show in the middle.
    let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    i64::try_from(totp.check(&digits, now)?).ok()
}

fn place(organisation: OrganisationId, user: UserId) -> Place<'static> {
    Place { organisation: *organisation.as_uuid(), table: "credentials", row: *user.as_uuid(), column: "totp_sealed" }
}

fn unseal(service: &Service, person: &Person, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    service
        .context
        .master
        .unseal(place(person.organisation, person.user), sealed)
        .map_err(|error| Error::because(Code::CatalogFailed, "the second factor cannot be read", error))
}

/// The person who calls, in a session.
#[derive(Debug, Clone, Copy)]
struct Person {
    user: UserId,
    organisation: OrganisationId,
    session: SessionId,
    role: Role,
}

/// Factors are a person's own. For others the frame has the answer.
fn person(caller: &Caller) -> Option<Person> {
    match (&caller.actor, caller.scope.actor, caller.organisation(), caller.session) {
        (permission::Actor::Person(person), Actor::User(user), Some(organisation), Some(session)) => {
            Some(Person { user, organisation, session, role: person.role })
        }
        _ => None,
    }
}

fn nobody() -> Error {
    Error::new(Code::Unauthenticated, "no user is logged in")
}

/// Which act enrolling is: the first factor, or another one in its place.
async fn enrolling(service: &Service, caller: &Caller) -> Result<Action> {
    let Some(person) = person(caller) else { return Ok(Action::FirstFactorEnroll) };
    let mut tx = service.begin(caller).await?;
    let factor = credentials::factor(&mut tx, person.user).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(if factor.confirmed_at.is_some() { Action::FactorReplace } else { Action::FirstFactorEnroll })
}
