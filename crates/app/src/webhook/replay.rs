//! A delivery is sent once more.

use super::{find, send, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::webhooks::{self, Delivery};
use keepsake_domain::{
    DeliveryId, WebhookId,
    notification::{RETRIES, State},
    permission::Action,
};

/// Puts the same event, with the same id and body, into the queue for the same webhook once more. It is a delivery of its own.
///
/// # Errors
/// [`Code::NotFound`]; [`Code::Ended`] while the delivery waits, or if the webhook is disabled; else by cause.
pub async fn replay(service: &Service, caller: &Caller, id: WebhookId, delivery: DeliveryId) -> Result<Delivery> {
    let webhook = find(service, caller, Action::DeliveryReplay, id).await?;
    let work = async {
        let mut tx = service.begin(caller).await?;
        let old = webhooks::get_delivery(&mut tx, id, delivery).await.map_err(failed)?;
        let old = old.ok_or_else(|| Error::new(Code::NotFound, "the webhook has no delivery of that id"))?;
        if old.state == State::Waiting {
            return Err(Error::new(Code::Ended, "the delivery is under way: it is sent again by itself"));
        }
        let attempts = i32::try_from(RETRIES.most_attempts).unwrap_or(i32::MAX);
        let again = send(service, &mut tx, &webhook, old.notification, (true, attempts)).await?;
        tx.commit().await.map_err(failed)?;
        Ok(again)
    };
    let (relation, owner) = (caller.relation_to(webhook.organisation), Some(webhook.organisation));
    service.act(caller, Action::DeliveryReplay, relation, &subject(id), owner, work).await
}
