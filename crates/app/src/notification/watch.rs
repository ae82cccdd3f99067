//! Sources that could not be looked at for an hour. Time alone makes it so, so somebody has to watch: a look that fails, one that hangs,
//! and one that nobody gets to are all the same to whoever relies on it.

use super::{enqueue, event::Event, system};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::SignedDuration;
use keepsake_catalog::sources;
use std::time::Duration;

/// So long without a successful look, and people are told.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// After a pause of the whole service every source is overdue: those that have not failed get so long to be looked at.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Tells of sources that are newly overdue, `watched` after this node began to lead.
pub(super) async fn sources(service: &Service, watched: Duration) -> Result<()> {
    let now = service.context.clock.now();
    let before = now.checked_sub(OVERDUE_AFTER);
    let before = before.map_err(|error| Error::because(Code::HomeFailed, "the clock is out of its range", error))?;
    let mut tx = system(service).await?;
    for source in sources::newly_overdue(&mut tx, before, watched >= PATIENCE, now).await.map_err(failed)? {
        enqueue(&mut tx, &Event::SourceUnreachable(&source), now).await.map_err(failed)?;
        tracing::warn!(source = %source.id, "a source could not be looked at for an hour");
    }
    tx.commit().await.map_err(failed)
}
