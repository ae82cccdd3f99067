//! A webhook is changed: where it leads, what it hears of, whether it is in use, and what it is signed with.

use super::{Key, Made, Shown, address, create::kinds, find, stale, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    source::check_name,
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::webhooks::{self, Because, Endpoint, Keys};
use keepsake_domain::{WebhookId, notification::Kind, permission::Action};

/// How long deliveries are signed with the secret before, too: its receiver changes to the new one in this time.
const BOTH_COUNT: SignedDuration = SignedDuration::from_hours(24);

/// What a webhook is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version that the caller read.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it hears of; everything if empty.
    pub kinds: Vec<Kind>,
    /// Whether anything is sent to it. What waits when it is disabled is given up.
    pub enabled: bool,
    /// A new secret from now on, beside the old one for 24 hours. A secret that was old already ends at once.
    pub rotate_secret: bool,
}

/// Replaces what people set of a webhook.
///
/// # Errors
/// [`Code::Stale`] if it was changed meanwhile; else as [`create`](super::create).
pub async fn change(service: &Service, caller: &Caller, id: WebhookId, change: Change) -> Result<Made> {
    let webhook = find(service, caller, Action::WebhookReplace, id).await?;
    let (relation, owner) = (caller.relation_to(webhook.organisation), Some(webhook.organisation));
    let work = async {
        check_name(&change.name)?;
        let now = service.context.clock.now();
        let disabled = match (change.enabled, webhook.disabled) {
            (true, _) => None,
            (false, Some(already)) => Some(already),
            (false, None) => Some((now, Because::ByHand)),
        };
        let mut changed = Endpoint {
            name: change.name.trim().to_owned(),
            url: address::check(&change.url)?,
            kinds: kinds(&change.kinds)?,
            disabled,
            version: change.version,
            ..webhook
        };
        let mut tx = service.begin(caller).await?;
        // The row is this transaction's from here on, and of the version that was read: its keys are those that were read, too.
        changed.version = webhooks::replace(&mut tx, &changed).await.map_err(failed)?.ok_or_else(stale)?;
        let mut secret = None;
        if change.rotate_secret {
            let current = webhooks::get(&mut tx, id).await.map_err(failed)?.ok_or_else(stale)?;
            let (keys, key) = rotated(service, &current, now)?;
            webhooks::rotate(&mut tx, id, &keys).await.map_err(failed)?;
            secret = key.secret();
            changed.keys = keys;
        }
        tx.commit().await.map_err(failed)?;
        Ok(Made { webhook: Shown::of(changed, now), secret })
    };
    service.act(caller, Action::WebhookReplace, relation, &subject(id), owner, work).await
}

/// A new key, with the one in use as the one before.
fn rotated(service: &Service, webhook: &Endpoint, now: Timestamp) -> Result<(Keys, Key)> {
    let (organisation, id) = (webhook.organisation, webhook.id);
    let missing = || Error::new(Code::CatalogFailed, "the webhook has no secret");
    let sealed = webhook.keys.secret.as_ref().ok_or_else(missing)?;
    // One that does not open, after another master key came, cannot go on.
    let previous = Key::unseal(service, organisation, id, webhook.signature, sealed).ok();
    let key = Key::new(webhook.signature)?;
    let until = now.saturating_add(BOTH_COUNT).unwrap_or(Timestamp::MAX);
    let keys = Keys {
        secret: Some(key.seal(service, organisation, id)?),
        public_key: key.public()?,
        previous_secret: previous.as_ref().map(|key| key.seal_previous(service, organisation, id)).transpose()?,
        previous_public_key: webhook.keys.public_key.clone().filter(|_| previous.is_some()),
        previous_until: previous.is_some().then_some(until),
    };
    Ok((keys, key))
}
