//! Five failures in 15 minutes, over all nodes (S31).
//!
//! Counted for a hash of the address, whether or not somebody has it: answers tell nobody who is known here. Attempts beyond
//! are not looked at, right or wrong, and are not put on record one by one, or a flood of them would fill the disk; the five
//! before them are.

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog},
};
use aws_lc_rs::hmac;
use jiff::SignedDuration;
use keepsake_catalog::login_failures::{self, Subject};
use keepsake_domain::{RequestId, UserId};

/// Failures after which no further attempt is looked at.
pub(super) const FAILURES: u16 = 5;
/// For how long a failure counts.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// The subject of a password: a hash of the address that nobody without the master key can make.
pub(super) fn address(service: &Service, email: &str) -> Subject {
    keyed(service, "password", email.as_bytes())
}

/// The subject of a second factor. Counted for itself: whoever knows the password must not start over by using it.
pub(super) fn factor(service: &Service, user: UserId) -> Subject {
    keyed(service, "factor", user.as_uuid().as_bytes())
}

fn keyed(service: &Service, kind: &str, of: &[u8]) -> Subject {
    let key = hmac::Key::new(hmac::HMAC_SHA256, service.context.master.address_hashing().as_ref());
    let mut context = hmac::Context::with_key(&key);
    context.update(kind.as_bytes());
    context.update(&[0]);
    context.update(of);
    let mut subject = [0; 32];
    subject.copy_from_slice(context.sign().as_ref());
    subject
}

/// Counts an attempt as failed, before it is looked at; [`succeeded`] takes it back.
///
/// # Errors
/// [`Code::TooManyAttempts`].
pub(super) async fn attempt(service: &Service, subject: &Subject, request: RequestId) -> Result<()> {
    let now = service.context.clock.now();
    let since = now - WINDOW;
    let mut tx = service.begin(&Caller::anonymous(request)).await?;
    let may = login_failures::attempt(&mut tx, subject, now, since, FAILURES).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    forget(service, request).await;
    if may { Ok(()) } else { Err(Error::new(Code::TooManyAttempts, "too many attempts failed")) }
}

/// Takes back what [`attempt`] counted, and the failures before it.
pub(super) async fn succeeded(service: &Service, subject: &Subject, request: RequestId) -> Result<()> {
    let mut tx = service.begin(&Caller::anonymous(request)).await?;
    login_failures::clear(&mut tx, subject).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)
}

/// Housekeeping, in a transaction of its own: two that meet must not fail a login.
async fn forget(service: &Service, request: RequestId) {
    let before = service.context.clock.now() - WINDOW;
    let work = async {
        let mut tx = service.begin(&Caller::anonymous(request)).await?;
        login_failures::forget(&mut tx, before).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)
    };
    if let Err(error) = work.await {
        tracing::warn!(error = %error.chain(), "old login failures could not be forgotten; the next login tries again");
    }
}
