//! What nobody asks for any more: the rows of scheduled passes that changed nothing. What they found is in the weddings and points.

use super::system;
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::SignedDuration;
use keepsake_catalog::executions;

/// How long a pass is shown that stored nothing.
const UNCHANGED_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// Rows removed at a time.
const AT_ONCE: u32 = 10_000;

/// Sweeps.
pub(super) async fn sweep(service: &Service) -> Result<()> {
    let before = service.context.clock.now().checked_sub(UNCHANGED_KEPT);
    let before = before.map_err(|error| Error::because(Code::HomeFailed, "the clock is out of its range", error))?;
    let mut tx = system(service).await?;
    let swept = executions::sweep_unchanged(&mut tx, before, AT_ONCE).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    if swept > 0 {
        tracing::info!(executions = swept, "passes that changed nothing were swept");
    }
    Ok(())
}
