//! Webhooks: where an organisation wants its programs to be told ([`crate::notification`]), as its admins manage them.
//!
//! A webhook has a URL, the kinds of events that it hears of, and a secret that deliveries are signed with by the rules of Standard
//! Webhooks. The secret is sealed (S30) and shown once, or, for Ed25519, never: receivers then check with a public key. Where a URL leads
//! is judged when something is sent (S29), not when it is written down, because names move.

mod address;
mod change;
mod create;
mod delete;
mod deliveries;
mod key;
mod list;
mod replay;
mod test;

pub use change::{Change, change};
pub use create::{New, create};
pub use delete::delete;
pub use deliveries::deliveries;
pub(crate) use key::Key;
pub use list::{Shown, get, list};
pub use replay::replay;
pub use test::test;

use crate::{
    error::{Code, Error, Result},
    identity::Secret,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    webhooks::{self, Delivery, Endpoint, NewDelivery},
};
use keepsake_domain::{
    DeliveryId, NotificationId, WebhookId,
    permission::{Action, Relation},
};

/// A webhook that was made or changed, with its secret if that is new: shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What stays of it.
    pub webhook: Shown,
    /// What its receiver checks signatures with; a webhook with a public key has none.
    pub secret: Option<Secret>,
}

/// The webhook of that id, for an act on it: what is not there, or not for this caller, is put on record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: WebhookId) -> Result<Endpoint> {
    let found = webhooks::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(webhook) = found {
        return Ok(webhook);
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no webhook of that id"))
}

fn subject(id: WebhookId) -> String {
    format!("webhook {id}")
}

fn stale() -> Error {
    Error::new(Code::Stale, "the webhook was changed meanwhile")
}

/// Puts a delivery that a person asks for into the queue; it is sent within seconds.
async fn send(
    service: &Service,
    tx: &mut Tx,
    webhook: &Endpoint,
    notification: NotificationId,
    (is_replay, attempts_max): (bool, i32),
) -> Result<Delivery> {
    if !webhooks::hold(tx, webhook.id).await.map_err(failed)? {
        return Err(Error::new(Code::Ended, "the webhook is disabled: enable it first"));
    }
    let id = DeliveryId::from_uuid(service.context.new_id()?);
    let organisation = webhook.organisation;
    let new = NewDelivery { id, organisation, webhook: webhook.id, notification, is_replay, attempts_max };
    webhooks::add(tx, &[new], service.context.clock.now()).await.map_err(failed)?;
    let added = webhooks::get_delivery(tx, webhook.id, id).await.map_err(failed)?;
    added.ok_or_else(|| Error::new(Code::CatalogFailed, "the delivery is not there"))
}
