//! Webhooks, and what became of each delivery.

pub mod change;
pub mod create;
pub mod delete;
pub mod deliveries;
pub mod get;
pub mod list;
pub mod replay;
pub mod test;

use super::auth;
use crate::words::Same as _;
use keepsake_api::webhooks::{Delivery, DeliveryAttempt, EventKind, Webhook, WebhookWithSecret};
use keepsake_app::{service::rows, webhook};
use keepsake_domain::notification::{Kind, State};

fn shown(webhook: webhook::Shown) -> Webhook {
    Webhook {
        id: *webhook.id.as_uuid(),
        organisation_id: *webhook.organisation.as_uuid(),
        name: webhook.name,
        url: webhook.url,
        events: webhook.kinds.into_iter().map(|kind| kind.same()).collect(),
        signature: webhook.signature.same(),
        public_keys: webhook.public_keys,
        previous_secret_until: webhook.previous_until,
        enabled: webhook.disabled.is_none(),
        disabled_at: webhook.disabled.map(|(at, _)| at),
        disabled_because: webhook.disabled.map(|(_, because)| because.same()),
        version: webhook.version,
        created_at: webhook.created_at,
    }
}

fn made(made: webhook::Made) -> WebhookWithSecret {
    WebhookWithSecret { webhook: shown(made.webhook), secret: made.secret.as_ref().map(auth::shown) }
}

fn kinds(events: Vec<EventKind>) -> Vec<Kind> {
    events.into_iter().map(|event| event.same()).collect()
}

fn delivery(delivery: rows::Delivery) -> Delivery {
    let attempt = |attempt: rows::Attempt| DeliveryAttempt {
        at: attempt.at,
        duration_ms: attempt.duration_ms,
        status: attempt.status,
        trouble: attempt.trouble.map(|trouble| trouble.same()),
    };
    Delivery {
        id: *delivery.id.as_uuid(),
        webhook_id: *delivery.webhook.as_uuid(),
        event_id: *delivery.notification.as_uuid(),
        event: delivery.kind.same(),
        is_replay: delivery.is_replay,
        due_at: (delivery.state == State::Waiting).then_some(delivery.due_at),
        state: delivery.state.same(),
        attempts: delivery.log.into_iter().map(attempt).collect(),
        trouble: delivery.trouble.map(|trouble| trouble.same()),
        created_at: delivery.created_at,
        ended_at: delivery.ended_at,
    }
}
