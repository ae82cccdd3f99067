//! A webhook is tried out.

use super::{find, send, subject};
use crate::{
    error::Result,
    notification::{self, Event},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{notifications, webhooks::Delivery};
use keepsake_domain::{WebhookId, permission::Action};

/// A test is tried once: whoever asked for it is waiting.
const ATTEMPTS: i32 = 1;

/// Puts a test event for this webhook alone into the queue, whatever it hears of. What came of it is in its deliveries within seconds.
///
/// # Errors
/// [`Code::Ended`](crate::Code::Ended) if the webhook is disabled; else by cause.
pub async fn test(service: &Service, caller: &Caller, id: WebhookId) -> Result<Delivery> {
    let webhook = find(service, caller, Action::WebhookTest, id).await?;
    let organisation = webhook.organisation;
    let work = async {
        let mut tx = service.begin(caller).await?;
        let event = Event::WebhookTest { organisation, webhook: id };
        let row = notification::written(&event, service.context.clock.now()).map_err(failed)?;
        notifications::add_delivered(&mut tx, &row).await.map_err(failed)?;
        let delivery = send(service, &mut tx, &webhook, row.id, (false, ATTEMPTS)).await?;
        tx.commit().await.map_err(failed)?;
        Ok(delivery)
    };
    let relation = caller.relation_to(organisation);
    service.act(caller, Action::WebhookTest, relation, &subject(id), Some(organisation), work).await
}
