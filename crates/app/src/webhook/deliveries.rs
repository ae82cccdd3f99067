//! What was sent to a webhook, and what came of it.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page,
    webhooks::{self, Delivery},
};
use keepsake_domain::{WebhookId, notification::State, permission::Action};

/// The deliveries to a webhook of the last 30 days, newest first, each with all its attempts.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn deliveries(
    service: &Service,
    caller: &Caller,
    id: WebhookId,
    state: Option<State>,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Delivery>> {
    let webhook = find(service, caller, Action::WebhookRead, id).await?;
    let (relation, owner) = (caller.relation_to(webhook.organisation), Some(webhook.organisation));
    service.allow(caller, Action::WebhookRead, relation, &subject(id), owner).await?;
    webhooks::list_deliveries(&mut service.begin(caller).await?, id, state, size, after).await.map_err(failed)
}
