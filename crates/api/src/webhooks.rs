//! Webhooks: where an organisation's programs are told what happened, and what became of each delivery.

use crate::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What happened: `type` of a CloudEvent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum EventKind {
    /// A backup failed and is not tried again.
    #[serde(rename = "keepsake.backup.failed.v1")]
    BackupFailed,
    /// Somebody asked for an emergency backup.
    #[serde(rename = "keepsake.backup.emergency_started.v1")]
    EmergencyStarted,
    /// An emergency backup is there.
    #[serde(rename = "keepsake.backup.emergency_completed.v1")]
    EmergencyCompleted,
    /// A new point looks like damage, in a way that the one before it did not.
    #[serde(rename = "keepsake.point.suspect.v1")]
    PointSuspect,
    /// A wedding was restored.
    #[serde(rename = "keepsake.restore.completed.v1")]
    RestoreCompleted,
    /// A restore or an undo failed.
    #[serde(rename = "keepsake.restore.failed.v1")]
    RestoreFailed,
    /// What a restore replaced is back.
    #[serde(rename = "keepsake.restore.undone.v1")]
    RestoreUndone,
    /// A source could not be looked at for an hour.
    #[serde(rename = "keepsake.source.unreachable.v1")]
    SourceUnreachable,
    /// A wedding is gone from its source.
    #[serde(rename = "keepsake.wedding.vanished.v1")]
    WeddingVanished,
    /// Many weddings are gone from a source at once.
    #[serde(rename = "keepsake.source.weddings_vanished.v1")]
    WeddingsVanished,
    /// A webhook was disabled because its receiver said that it is gone.
    #[serde(rename = "keepsake.webhook.disabled.v1")]
    WebhookDisabled,
    /// Somebody tries a webhook out.
    #[serde(rename = "keepsake.webhook.test.v1")]
    WebhookTest,
}

/// How deliveries are signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum SignatureScheme {
    /// `v1`: HMAC-SHA-256 with a secret that both sides know.
    #[default]
    #[serde(rename = "hmac_sha256")]
    Hmac,
    /// `v1a`: Ed25519; the receiver has the public key only.
    #[serde(rename = "ed25519")]
    Ed25519,
}

/// Why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBecause {
    /// Its receiver answered 410: it is gone.
    Gone,
    /// Somebody wanted it so.
    ByHand,
}

/// A webhook to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// For whom: the caller's own organisation if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "on-call", min_length = 1, max_length = 200)]
    pub name: String,
    /// Where deliveries go: HTTPS, on the public Internet.
    #[schema(example = "https://hooks.example.org/keepsake", max_length = 2000)]
    pub url: String,
    /// What it hears of; everything if it is left out or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventKind>,
    /// How deliveries are signed.
    #[serde(default)]
    pub signature: SignatureScheme,
}

/// What a webhook is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookChange {
    /// What people call it.
    #[schema(example = "on-call", min_length = 1, max_length = 200)]
    pub name: String,
    /// Where deliveries go.
    #[schema(example = "https://hooks.example.org/keepsake", max_length = 2000)]
    pub url: String,
    /// What it hears of; everything if it is left out or empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventKind>,
    /// Whether anything is sent to it. What waits when it is disabled is given up.
    pub enabled: bool,
    /// Sign with a new secret from now on, and with the old one, too, for 24 hours.
    #[serde(default)]
    pub rotate_secret: bool,
}

/// A webhook, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Webhook {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub organisation_id: Uuid,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it hears of; everything if empty.
    pub events: Vec<EventKind>,
    /// How deliveries are signed.
    pub signature: SignatureScheme,
    /// What receivers check with, of `ed25519`: the key in use, and the one before while that counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["whpk_..."]))]
    pub public_keys: Vec<String>,
    /// Until when deliveries are signed with the secret before the last rotation, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_secret_until: Option<Timestamp>,
    /// Whether anything is sent to it.
    pub enabled: bool,
    /// Since when it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
    /// Why it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_because: Option<DisabledBecause>,
    /// Counts changes: the `ETag`.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

/// A webhook that was made or changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookWithSecret {
    /// What stays of it.
    #[serde(flatten)]
    pub webhook: Webhook,
    /// Its secret, `whsec_...`, if it is new: shown this once. One of `ed25519` has none to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
}

/// A page of webhooks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookList {
    /// The webhooks.
    pub items: Vec<Webhook>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It is not tried any more.
    GivenUp,
}

/// Why a delivery did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTrouble {
    /// The receiver's address is not on the public Internet, and this installation allows no others.
    AddressNotPublic,
    /// The URL is one without TLS, and this installation allows none.
    TlsRequired,
    /// No such host, no connection, no trust in its certificate, or the connection broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The answer leads elsewhere, and is not followed.
    Redirected,
    /// The answer is an error.
    Refused,
    /// The receiver said that it is gone for good.
    Gone,
    /// The webhook was disabled or deleted before it was delivered.
    Disabled,
    /// The person has no address here any more.
    RecipientGone,
    /// The signing secret could not be opened.
    SecretUnreadable,
}

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryAttempt {
    /// When it was made.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 500)]
    pub status: Option<u16>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<DeliveryTrouble>,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// Its id.
    pub id: Uuid,
    /// To which webhook.
    pub webhook_id: Uuid,
    /// The event's id, which is `webhook-id` of every attempt.
    pub event_id: Uuid,
    /// What happened.
    pub event: EventKind,
    /// A person had it sent once more.
    pub is_replay: bool,
    /// Where it is.
    pub state: DeliveryState,
    /// When it is sent next, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Every attempt, oldest first.
    pub attempts: Vec<DeliveryAttempt>,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<DeliveryTrouble>,
    /// Since when it is to be sent.
    pub created_at: Timestamp,
    /// When it was delivered or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// The deliveries.
    pub items: Vec<Delivery>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Which deliveries a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DeliveryQuery {
    /// In this state.
    #[param(required = false)]
    pub state: Option<DeliveryState>,
    /// How many, at most: 50 if it is left out, never more than 200.
    #[param(required = false, example = 50)]
    pub page_size: Option<u16>,
    /// Where the page begins: `next_page_token` of the one before.
    #[param(required = false)]
    pub page_token: Option<String>,
}
