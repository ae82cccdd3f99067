//! What nobody asks for any more: deliveries that ended long ago, and mails that nothing sends.

use super::system;
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::SignedDuration;
use keepsake_catalog::{mails, notifications};

/// How long deliveries are shown, and can be sent once more.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// A mail that still waits then is one that nothing sends, since there is no SMTP server any more.
const MAILS_WAIT: SignedDuration = SignedDuration::from_hours(5 * 24);
/// Rows of each kind removed at a time.
const AT_ONCE: u32 = 10_000;

/// Sweeps.
pub(super) async fn sweep(service: &Service) -> Result<()> {
    let now = service.context.clock.now();
    let out_of_range = |error| Error::because(Code::HomeFailed, "the clock is out of its range", error);
    let mut tx = system(service).await?;
    let waited = now.checked_sub(MAILS_WAIT).map_err(out_of_range)?;
    mails::give_up_older(&mut tx, waited, now).await.map_err(failed)?;
    let before = now.checked_sub(KEPT).map_err(out_of_range)?;
    let swept = notifications::sweep(&mut tx, before, AT_ONCE).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    if swept > 0 {
        tracing::info!(rows = swept, "old deliveries were swept");
    }
    Ok(())
}
