//! Into the outbox, in the transaction that makes it so.

use super::event::{Event, cloud_event};
use jiff::Timestamp;
use keepsake_catalog::{
    Tx,
    notifications::{self, Notification},
};

/// Says what happened, to everybody who wants to know, once `tx` is committed.
///
/// # Errors
/// Those of the catalog, by cause.
pub async fn enqueue(tx: &mut Tx, event: &Event<'_>, now: Timestamp) -> keepsake_catalog::Result<()> {
    notifications::add(tx, &written(event, now)?).await
}

/// The row of an event.
pub(crate) fn written(event: &Event<'_>, now: Timestamp) -> keepsake_catalog::Result<Notification> {
    let id = notifications::new_id(now)?;
    Ok(Notification {
        id,
        organisation: event.organisation(),
        wedding: event.wedding(),
        kind: event.kind(),
        is_emergency: event.is_emergency(),
        body: cloud_event(event, id, now),
        created_at: now,
    })
}
