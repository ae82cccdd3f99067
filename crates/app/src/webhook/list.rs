//! Webhooks as they are shown.

use super::{find, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Cursor, Page,
    webhooks::{self, Because, Endpoint},
};
use keepsake_domain::{
    OrganisationId, WebhookId,
    notification::{Kind, Signature},
    permission::{Action, Relation},
};

/// A webhook without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it hears of; everything if empty.
    pub kinds: Vec<Kind>,
    /// How deliveries are signed.
    pub signature: Signature,
    /// What receivers check with, of Ed25519: the key in use, and the one before while that counts.
    pub public_keys: Vec<String>,
    /// Until when the secret before the last rotation counts, too.
    pub previous_until: Option<Timestamp>,
    /// Since when, and why, nothing is sent to it.
    pub disabled: Option<(Timestamp, Because)>,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

impl Shown {
    pub(super) fn of(webhook: Endpoint, now: Timestamp) -> Self {
        let previous_until = webhook.keys.previous_until.filter(|until| now < *until);
        let previous = webhook.keys.previous_public_key.filter(|_| previous_until.is_some());
        Self {
            id: webhook.id,
            organisation: webhook.organisation,
            name: webhook.name,
            url: webhook.url,
            kinds: webhook.kinds,
            signature: webhook.signature,
            public_keys: webhook.keys.public_key.into_iter().chain(previous).collect(),
            previous_until,
            disabled: webhook.disabled,
            version: webhook.version,
            created_at: webhook.created_at,
        }
    }
}

/// The webhooks in reach, newest first.
///
/// # Errors
/// By cause.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Shown>> {
    service.allow(caller, Action::WebhookRead, Relation::Collection, "webhooks", None).await?;
    let page = webhooks::list(&mut service.begin(caller).await?, size, after).await.map_err(failed)?;
    let now = service.context.clock.now();
    Ok(Page { items: page.items.into_iter().map(|webhook| Shown::of(webhook, now)).collect(), next: page.next })
}

/// One webhook.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: WebhookId) -> Result<Shown> {
    let webhook = find(service, caller, Action::WebhookRead, id).await?;
    let (relation, owner) = (caller.relation_to(webhook.organisation), Some(webhook.organisation));
    service.allow(caller, Action::WebhookRead, relation, &subject(id), owner).await?;
    Ok(Shown::of(webhook, service.context.clock.now()))
}
