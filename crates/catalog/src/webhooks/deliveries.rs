//! What is sent to webhooks: claimed by the dispatcher, tried, and written down.
//!
//! A claim is a lease on time: whoever dies with it leaves the delivery to be sent again, so that a receiver hears of everything at least
//! once. Each attempt ends in one statement that wants the number of attempts before it, so that none is counted twice.

use super::Keys;
use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    DeliveryId, NotificationId, OrganisationId, WebhookId,
    notification::{Kind, Signature, State, Trouble},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organisation: OrganisationId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Of what.
    pub notification: NotificationId,
    /// A person wants it sent once more.
    pub is_replay: bool,
    /// After so many attempts it is given up.
    pub attempts_max: i32,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was made.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<Trouble>,
}

/// A delivery, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organisation: OrganisationId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Of what: the event's id, by which its receiver knows it again.
    pub notification: NotificationId,
    /// What happened.
    pub kind: Kind,
    /// A person had it sent once more.
    pub is_replay: bool,
    /// Where it is.
    pub state: State,
    /// When it is sent next, while it waits.
    pub due_at: Timestamp,
    /// Every attempt, oldest first.
    pub log: Vec<Attempt>,
    /// Why it did not succeed.
    pub trouble: Option<Trouble>,
    /// Since when it is to be sent.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    pub ended_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    endpoint_id: Uuid,
    notification_id: Uuid,
    kind: String,
    is_replay: bool,
    state: String,
    due_at: jiff_sqlx::Timestamp,
    log: Value,
    trouble: Option<String>,
    created_at: jiff_sqlx::Timestamp,
    ended_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for Delivery {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let trouble = row.trouble.map(|word| word.parse()).transpose();
        Ok(Self {
            id: DeliveryId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            webhook: WebhookId::from_uuid(row.endpoint_id),
            notification: NotificationId::from_uuid(row.notification_id),
            kind: row.kind.parse().map_err(|_| Error::row("kind of a notification"))?,
            is_replay: row.is_replay,
            state: row.state.parse().map_err(|_| Error::row("state of a delivery"))?,
            due_at: row.due_at.to_jiff(),
            log: serde_json::from_value(row.log).map_err(|_| Error::row("log of a delivery"))?,
            trouble: trouble.map_err(|_| Error::row("trouble of a delivery"))?,
            created_at: row.created_at.to_jiff(),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// Adds deliveries, to be sent at once. One that is there already is left as it is.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, new: &[NewDelivery], now: Timestamp) -> Result<()> {
    let ids: Vec<Uuid> = new.iter().map(|new| *new.id.as_uuid()).collect();
    let organisations: Vec<Uuid> = new.iter().map(|new| *new.organisation.as_uuid()).collect();
    let endpoints: Vec<Uuid> = new.iter().map(|new| *new.webhook.as_uuid()).collect();
    let notifications: Vec<Uuid> = new.iter().map(|new| *new.notification.as_uuid()).collect();
    let replays: Vec<bool> = new.iter().map(|new| new.is_replay).collect();
    let most: Vec<i32> = new.iter().map(|new| new.attempts_max).collect();
    sqlx::query!(
        "INSERT INTO keepsake.webhook_deliveries (id, organisation_id, endpoint_id, notification_id, is_replay, attempts_max, due_at,
             created_at)
         SELECT new.*, $7::timestamptz, $7::timestamptz
         FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::boolean[], $6::integer[]) AS new
         ON CONFLICT (notification_id, endpoint_id) WHERE NOT is_replay DO NOTHING",
        &ids,
        &organisations,
        &endpoints,
        &notifications,
        &replays,
        &most,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The delivery of that id to that webhook, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get_delivery(tx: &mut Tx, webhook: WebhookId, id: DeliveryId) -> Result<Option<Delivery>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT d.id, d.organisation_id, d.endpoint_id, d.notification_id, n.kind, d.is_replay, d.state, d.due_at, d.log, d.trouble,
             d.created_at, d.ended_at
         FROM keepsake.webhook_deliveries AS d JOIN keepsake.notifications AS n ON n.id = d.notification_id
         WHERE d.id = $1 AND d.endpoint_id = $2",
        id.as_uuid(),
        webhook.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Delivery::try_from).transpose()
}

/// Those to a webhook, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list_deliveries(
    tx: &mut Tx,
    webhook: WebhookId,
    state: Option<State>,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Delivery>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT d.id, d.organisation_id, d.endpoint_id, d.notification_id, n.kind, d.is_replay, d.state, d.due_at, d.log, d.trouble,
             d.created_at, d.ended_at
         FROM keepsake.webhook_deliveries AS d JOIN keepsake.notifications AS n ON n.id = d.notification_id
         WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.state = $2)
           AND ($3::timestamptz IS NULL OR (d.created_at, d.id) < ($3, $4))
         ORDER BY d.created_at DESC, d.id DESC LIMIT $5",
        webhook.as_uuid(),
        state.map(State::name),
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Delivery>> = rows.into_iter().map(Delivery::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.created_at, id: *row.id.as_uuid() }))
}

/// A delivery that is this process's to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Its id.
    pub id: DeliveryId,
    /// Whose.
    pub organisation: OrganisationId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Of what.
    pub notification: NotificationId,
    /// Attempts before.
    pub attempts: i32,
    /// After so many it is given up.
    pub attempts_max: i32,
    /// Where to.
    pub url: String,
    /// How it is signed.
    pub signature: Signature,
    /// With what.
    pub keys: Keys,
    /// What is sent.
    pub body: String,
}

/// Claims deliveries that are due, the oldest first: `limit` at most, and not more than `each` of one webhook at a time, so that one that
/// is slow or gone holds up no other. They are this process's until `until`.
///
/// # Errors
/// [`Error`] by cause.
pub async fn claim(tx: &mut Tx, limit: u16, each: u16, now: Timestamp, until: Timestamp) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"WITH ranked AS (
             SELECT id, due_at, leased_until,
                 row_number() OVER (PARTITION BY endpoint_id ORDER BY coalesce(leased_until, '-infinity') > $1::timestamptz DESC, due_at, id)
                     AS place
             FROM keepsake.webhook_deliveries
             WHERE state = 'waiting' AND (due_at <= $1::timestamptz OR leased_until > $1::timestamptz)
         ), chosen AS (
             SELECT id FROM ranked
             WHERE place <= $4 AND due_at <= $1::timestamptz AND coalesce(leased_until, '-infinity') <= $1::timestamptz
             ORDER BY due_at, id LIMIT $3
         )
         UPDATE keepsake.webhook_deliveries AS d SET leased_until = $2::timestamptz
         FROM chosen, keepsake.webhook_endpoints AS e, keepsake.notifications AS n
         WHERE d.id = chosen.id AND d.state = 'waiting' AND coalesce(d.leased_until, '-infinity') <= $1::timestamptz
           AND e.id = d.endpoint_id AND e.disabled_at IS NULL AND e.deleted_at IS NULL AND n.id = d.notification_id
         RETURNING d.id, d.organisation_id, d.endpoint_id, d.notification_id, d.attempts, d.attempts_max, e.url, e.signature,
             e.secret_sealed, e.public_key, e.previous_secret_sealed, e.previous_public_key,
             e.previous_until AS "previous_until: jiff_sqlx::Timestamp", n.body"#,
        now.to_sqlx() as _,
        until.to_sqlx() as _,
        i64::from(limit),
        i64::from(each),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Claimed {
                id: DeliveryId::from_uuid(row.id),
                organisation: OrganisationId::from_uuid(row.organisation_id),
                webhook: WebhookId::from_uuid(row.endpoint_id),
                notification: NotificationId::from_uuid(row.notification_id),
                attempts: row.attempts,
                attempts_max: row.attempts_max,
                url: row.url,
                signature: row.signature.parse().map_err(|_| Error::row("signature of a webhook"))?,
                keys: Keys {
                    secret: row.secret_sealed,
                    public_key: row.public_key,
                    previous_secret: row.previous_secret_sealed,
                    previous_public_key: row.previous_public_key,
                    previous_until: row.previous_until.map(jiff_sqlx::Timestamp::to_jiff),
                },
                body: row.body,
            })
        })
        .collect()
}

/// What follows an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The receiver took it.
    Delivered,
    /// It is sent again then.
    Again(Timestamp),
    /// It is not tried any more.
    GivenUp,
}

/// Writes an attempt down. `false`: somebody else did, or the webhook was disabled meanwhile.
///
/// # Errors
/// [`Error`] by cause.
pub async fn finish(tx: &mut Tx, claimed: &Claimed, attempt: &Attempt, sent: Sent, now: Timestamp) -> Result<bool> {
    let (state, due_at) = match sent {
        Sent::Delivered => (State::Delivered, None),
        Sent::Again(at) => (State::Waiting, Some(at)),
        Sent::GivenUp => (State::GivenUp, None),
    };
    let ended_at = (state != State::Waiting).then_some(now);
    let done = sqlx::query!(
        "UPDATE keepsake.webhook_deliveries
         SET state = $3, attempts = attempts + 1, log = log || $4::jsonb, trouble = $5, due_at = coalesce($6::timestamptz, due_at),
             ended_at = $7::timestamptz, leased_until = NULL
         WHERE id = $1 AND state = 'waiting' AND attempts = $2",
        claimed.id.as_uuid(),
        claimed.attempts,
        state.name(),
        serde_json::json!([attempt]),
        attempt.trouble.map(Trouble::name),
        due_at.map(|at| at.to_sqlx()) as _,
        ended_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
