//! One delivery to a webhook: signed, sent, and what came of it written down.
//!
//! Headers and signatures are those of Standard Webhooks: `webhook-id` is the event's id and the same in every attempt, so that a
//! receiver knows what it had before.

use super::{
    client::{Answer, Client},
    dispatch::Pace,
    enqueue,
    event::Event,
    system,
};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
    webhook::Key,
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::webhooks::{self, Attempt, Claimed, Sent};
use keepsake_domain::{Spread, backoff::Retry, notification::Trouble};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const BODY: HeaderValue = HeaderValue::from_static("application/cloudevents+json; charset=utf-8");

/// Makes one attempt. If what came of it cannot be written down, the lease runs out and it is made again.
pub(super) async fn post(service: Service, client: Client, pace: Pace, claimed: Claimed) {
    let (at, began) = (service.context.clock.now(), Instant::now());
    let answer = match headers(&service, &claimed, at) {
        Ok(headers) => client.post(&claimed.url, headers, claimed.body.clone()).await,
        Err(error) => {
            tracing::error!(delivery = %claimed.id, error = %error.chain(), "a delivery could not be signed");
            Answer::none(Trouble::SecretUnreadable)
        }
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let attempt = Attempt { at, duration_ms, status: answer.status, trouble: answer.trouble };
    if let Err(error) = write_down(&service, &pace, &claimed, &attempt, &answer).await {
        tracing::warn!(delivery = %claimed.id, error = %error.chain(), "what came of a delivery could not be written down");
    }
}

fn headers(service: &Service, claimed: &Claimed, at: Timestamp) -> Result<HeaderMap> {
    let (id, timestamp) = (claimed.notification.to_string(), at.as_second());
    let signatures: Result<Vec<String>> =
        keys(service, claimed, at)?.iter().map(|key| key.sign(&id, timestamp, &claimed.body)).collect();
    let text = |text: String| {
        HeaderValue::try_from(text).map_err(|error| Error::because(Code::Invalid, "a header of a delivery", error))
    };
    Ok(HeaderMap::from_iter([
        (CONTENT_TYPE, BODY),
        (ID, text(id)?),
        (TIMESTAMP, text(timestamp.to_string())?),
        (SIGNATURE, text(signatures?.join(" "))?),
    ]))
}

/// The keys that count now: the one in use first.
fn keys(service: &Service, claimed: &Claimed, now: Timestamp) -> Result<Vec<Key>> {
    let missing = || Error::new(Code::CatalogFailed, "the webhook has no secret");
    let sealed = claimed.keys.secret.as_ref().ok_or_else(missing)?;
    let mut keys = vec![Key::unseal(service, claimed.organisation, claimed.webhook, claimed.signature, sealed)?];
    if let (Some(sealed), Some(until)) = (&claimed.keys.previous_secret, claimed.keys.previous_until)
        && now < until
    {
        keys.push(Key::unseal_previous(service, claimed.organisation, claimed.webhook, claimed.signature, sealed)?);
    }
    Ok(keys)
}

async fn write_down(
    service: &Service,
    pace: &Pace,
    claimed: &Claimed,
    attempt: &Attempt,
    answer: &Answer,
) -> Result<()> {
    let now = service.context.clock.now();
    let sent = follows(pace, claimed, answer, now);
    let mut tx = system(service).await?;
    let mine = webhooks::finish(&mut tx, claimed, attempt, sent, now).await.map_err(failed)?;
    if mine && attempt.trouble == Some(Trouble::Gone) {
        let (organisation, webhook) = (claimed.organisation, claimed.webhook);
        if webhooks::disable(&mut tx, webhook, now).await.map_err(failed)? {
            enqueue(&mut tx, &Event::WebhookDisabled { organisation, webhook }, now).await.map_err(failed)?;
            tracing::warn!(%webhook, "a webhook is gone and was disabled");
        }
    }
    tx.commit().await.map_err(failed)?;
    if sent == Sent::GivenUp {
        tracing::warn!(delivery = %claimed.id, webhook = %claimed.webhook, trouble = ?attempt.trouble, "a delivery was given up");
    }
    Ok(())
}

/// What follows an attempt.
fn follows(pace: &Pace, claimed: &Claimed, answer: &Answer, now: Timestamp) -> Sent {
    let made = claimed.attempts.saturating_add(1);
    match answer.trouble {
        None => return Sent::Delivered,
        Some(Trouble::Gone) => return Sent::GivenUp,
        Some(_) if made >= claimed.attempts_max => return Sent::GivenUp,
        Some(_) => {}
    }
    match pace.retries.after(u32::try_from(made).unwrap_or(u32::MAX), Spread::of(claimed.id.as_uuid())) {
        Retry::Dead => Sent::GivenUp,
        Retry::After(pause) => {
            let asked = answer.retry_after.and_then(|asked| SignedDuration::try_from(asked).ok());
            let pause = asked.map_or(pause, |asked| asked.max(pause));
            Sent::Again(now.saturating_add(pause).unwrap_or(Timestamp::MAX))
        }
    }
}
