//! From the outbox to deliveries: each event once to every webhook that listens, and to every person who is told.

use super::system;
use crate::{
    error::Result,
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    mails::{self, NewMail},
    notifications::{self, Taken},
    webhooks::{self, Listening, NewDelivery},
};
use keepsake_domain::{DeliveryId, OrganisationId};
use std::collections::BTreeSet;

/// Events in one transaction.
const AT_ONCE: u16 = 100;

/// Gives events their deliveries, in the transaction that takes them out of the outbox; how many. Without `mail` nobody is written to.
pub(super) async fn fan_out(service: &Service, mail: bool, attempts_max: i32) -> Result<usize> {
    let now = service.context.clock.now();
    let mut tx = system(service).await?;
    let taken = notifications::take(&mut tx, AT_ONCE).await.map_err(failed)?;
    if taken.is_empty() {
        return Ok(0);
    }
    let organisations: BTreeSet<OrganisationId> = taken.iter().map(|one| one.organisation).collect();
    let organisations: Vec<OrganisationId> = organisations.into_iter().collect();
    let webhooks = webhooks::listening(&mut tx, &organisations).await.map_err(failed)?;
    let new_id = || Ok(DeliveryId::from_uuid(service.context.new_id()?));
    let mut deliveries = Vec::new();
    for one in &taken {
        for webhook in webhooks.iter().filter(|webhook| hears(webhook, one)) {
            deliveries.push(NewDelivery {
                id: new_id()?,
                organisation: one.organisation,
                webhook: webhook.id,
                notification: one.id,
                is_replay: false,
                attempts_max,
            });
        }
        if mail {
            let told = mails::recipients(&mut tx, one.organisation, one.wedding, one.is_emergency).await;
            for recipient in told.map_err(failed)? {
                let mail = NewMail { id: new_id()?, organisation: one.organisation, notification: one.id, recipient };
                mails::add(&mut tx, &mail, now).await.map_err(failed)?;
            }
        }
    }
    webhooks::add(&mut tx, &deliveries, now).await.map_err(failed)?;
    let ids: Vec<_> = taken.iter().map(|one| one.id).collect();
    notifications::fanned_out(&mut tx, &ids, now).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(taken.len())
}

/// Whether a webhook wants to know.
fn hears(webhook: &Listening, event: &Taken) -> bool {
    webhook.organisation == event.organisation && (webhook.kinds.is_empty() || webhook.kinds.contains(&event.kind))
}
