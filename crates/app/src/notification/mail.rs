//! One mail: sent, and what came of it written down.

use super::{dispatch::Pace, smtp::Smtp, system, text};
use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::mails::{self, Claimed};
use keepsake_domain::{Spread, backoff::Retry, notification::Trouble};

/// Makes one attempt. If what came of it cannot be written down, the lease runs out and it is made again.
pub(super) async fn mail(service: Service, smtp: Smtp, pace: Pace, claimed: Claimed) {
    let sent = send(&service, &smtp, &claimed).await;
    if let Err(error) = write_down(&service, &pace, &claimed, sent).await {
        tracing::warn!(mail = %claimed.id, error = %error.chain(), "what came of a mail could not be written down");
    }
}

async fn send(service: &Service, smtp: &Smtp, claimed: &Claimed) -> Result<(), (Trouble, bool)> {
    let Some(address) = &claimed.email else { return Err((Trouble::RecipientGone, false)) };
    let message = text::message(smtp.from(), address, claimed, service.context.clock.now());
    // An address that the catalog takes and mail does not.
    let message = message.ok_or((Trouble::Refused, false))?;
    smtp.send(message).await
}

async fn write_down(
    service: &Service,
    pace: &Pace,
    claimed: &Claimed,
    sent: Result<(), (Trouble, bool)>,
) -> Result<()> {
    let now = service.context.clock.now();
    let (trouble, again) = match sent {
        Ok(()) => (None, None),
        Err((trouble, again)) => (Some(trouble), again.then(|| next(pace, claimed, now)).flatten()),
    };
    let mut tx = system(service).await?;
    mails::finish(&mut tx, claimed, trouble, again, now).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    if let (Some(trouble), None) = (trouble, again) {
        tracing::warn!(mail = %claimed.id, %trouble, "a mail was given up");
    }
    Ok(())
}

/// When it is tried again, if it is.
fn next(pace: &Pace, claimed: &Claimed, now: Timestamp) -> Option<Timestamp> {
    let made = u32::try_from(claimed.attempts.saturating_add(1)).unwrap_or(u32::MAX);
    match pace.retries.after(made, Spread::of(claimed.id.as_uuid())) {
        Retry::After(pause) => now.checked_add(pause).ok(),
        Retry::Dead => None,
    }
}
