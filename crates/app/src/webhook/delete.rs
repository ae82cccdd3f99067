//! A webhook is taken out of use.

use super::{find, stale, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::webhooks;
use keepsake_domain::{WebhookId, permission::Action};

/// Takes a webhook out of use: its secrets are forgotten, what waits is given up.
///
/// # Errors
/// [`Code::Stale`](crate::Code::Stale) if it was changed meanwhile; else by cause.
pub async fn delete(service: &Service, caller: &Caller, id: WebhookId, version: i64) -> Result<()> {
    let webhook = find(service, caller, Action::WebhookDelete, id).await?;
    let work = async {
        let mut tx = service.begin(caller).await?;
        let now = service.context.clock.now();
        if !webhooks::delete(&mut tx, id, version, now).await.map_err(failed)? {
            return Err(stale());
        }
        tx.commit().await.map_err(failed)
    };
    let relation = caller.relation_to(webhook.organisation);
    service.act(caller, Action::WebhookDelete, relation, &subject(id), Some(webhook.organisation), work).await
}
