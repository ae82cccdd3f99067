//! Telling people and programs what happened (product.md G1): an outbox, webhooks, and e-mail.
//!
//! Whoever makes something so calls [`enqueue`] in the same transaction: what is rolled back is never told, and what is committed is not
//! forgotten. One node of the catalog dispatches, whichever holds the lock. It gives each event a delivery for everybody who wants to
//! know, sends what is due, and tries again for days. Receivers hear of everything at least once, and know an event again by its id.
//!
//! What a webhook is and how people manage them is in [`crate::webhook`]; emergency contacts are in [`crate::wedding`].

mod client;
mod dispatch;
mod enqueue;
mod event;
mod fan_out;
mod mail;
mod post;
mod smtp;
mod sweep;
mod text;
mod watch;

pub use dispatch::{Dispatcher, Pace, Settings};
pub use enqueue::enqueue;
pub(crate) use enqueue::written;
pub(crate) use event::told_code;
pub use event::{Event, cloud_event};
pub use smtp::Smtp;

use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use keepsake_catalog::{Scope, Tx};
use keepsake_domain::RequestId;

/// A transaction of the service itself.
async fn system(service: &Service) -> Result<Tx> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    service.catalog.begin(&scope).await.map_err(failed)
}
