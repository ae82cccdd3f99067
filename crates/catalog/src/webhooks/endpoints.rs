//! Where organisations want to be told.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    OrganisationId, WebhookId,
    notification::{Kind, Signature},
};
use uuid::Uuid;

/// Why a webhook is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// Its receiver said that it is gone.
    Gone,
    /// Somebody wanted it so.
    ByHand,
}

impl Because {
    /// The word in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::ByHand => "by_hand",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        [Self::Gone, Self::ByHand]
            .into_iter()
            .find(|because| because.name() == word)
            .ok_or_else(|| Error::row("why a webhook is disabled"))
    }
}

/// A webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Where deliveries go.
    pub url: String,
    /// What it wants to hear of; everything if empty.
    pub kinds: Vec<Kind>,
    /// How deliveries are signed.
    pub signature: Signature,
    /// What they are signed with.
    pub keys: Keys,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// Since when, and why, nothing is sent to it.
    pub disabled: Option<(Timestamp, Because)>,
}

/// What deliveries to a webhook are signed with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// Sealed for this row; gone when the webhook is deleted.
    pub secret: Option<Vec<u8>>,
    /// What receivers check with, if that is another key.
    pub public_key: Option<String>,
    /// The one before, sealed for this row.
    pub previous_secret: Option<Vec<u8>>,
    /// What receivers checked with before.
    pub previous_public_key: Option<String>,
    /// Until when the one before is used beside it.
    pub previous_until: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    name: String,
    url: String,
    kinds: Vec<String>,
    signature: String,
    secret_sealed: Option<Vec<u8>>,
    public_key: Option<String>,
    previous_secret_sealed: Option<Vec<u8>>,
    previous_public_key: Option<String>,
    previous_until: Option<jiff_sqlx::Timestamp>,
    version: i64,
    created_at: jiff_sqlx::Timestamp,
    disabled_at: Option<jiff_sqlx::Timestamp>,
    disabled_because: Option<String>,
}

fn kinds(words: Vec<String>) -> Result<Vec<Kind>> {
    words.iter().map(|word| word.parse().map_err(|_| Error::row("kind of event of a webhook"))).collect()
}

impl TryFrom<Row> for Endpoint {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let disabled = match (row.disabled_at, row.disabled_because) {
            (Some(at), Some(because)) => Some((at.to_jiff(), Because::parse(&because)?)),
            _ => None,
        };
        Ok(Self {
            id: WebhookId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            name: row.name,
            url: row.url,
            kinds: kinds(row.kinds)?,
            signature: row.signature.parse().map_err(|_| Error::row("signature of a webhook"))?,
            keys: Keys {
                secret: row.secret_sealed,
                public_key: row.public_key,
                previous_secret: row.previous_secret_sealed,
                previous_public_key: row.previous_public_key,
                previous_until: row.previous_until.map(jiff_sqlx::Timestamp::to_jiff),
            },
            version: row.version,
            created_at: row.created_at.to_jiff(),
            disabled,
        })
    }
}

fn words(kinds: &[Kind]) -> Vec<String> {
    kinds.iter().map(|kind| kind.name().to_owned()).collect()
}

/// Adds one.
///
/// # Errors
/// [`Error::Exists`] if the organisation has one of that name; else by cause.
pub async fn create(tx: &mut Tx, new: &Endpoint) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.webhook_endpoints (id, organisation_id, name, url, kinds, signature, secret_sealed, public_key,
             version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id.as_uuid(),
        new.organisation.as_uuid(),
        new.name,
        new.url,
        &words(&new.kinds),
        new.signature.name(),
        new.keys.secret,
        new.keys.public_key,
        new.version,
        new.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// How many an organisation has.
///
/// # Errors
/// [`Error`] by cause.
pub async fn count(tx: &mut Tx, organisation: OrganisationId) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM keepsake.webhook_endpoints WHERE organisation_id = $1 AND deleted_at IS NULL"#,
        organisation.as_uuid(),
    );
    Ok(count.fetch_one(tx.connection()).await?)
}

/// The webhook of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: WebhookId) -> Result<Option<Endpoint>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, url, kinds, signature, secret_sealed, public_key, previous_secret_sealed,
             previous_public_key, previous_until, version, created_at, disabled_at, disabled_because
         FROM keepsake.webhook_endpoints WHERE id = $1 AND deleted_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Endpoint::try_from).transpose()
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Endpoint>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, url, kinds, signature, secret_sealed, public_key, previous_secret_sealed,
             previous_public_key, previous_until, version, created_at, disabled_at, disabled_because
         FROM keepsake.webhook_endpoints
         WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Endpoint>> = rows.into_iter().map(Endpoint::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.created_at, id: *row.id.as_uuid() }))
}

/// Replaces name, URL, kinds and whether it is disabled, if it is still of the version that `endpoint` carries. `None`: it was changed
/// meanwhile, or is gone; else the new version.
///
/// # Errors
/// [`Error::Exists`] if the organisation has another of that name; else by cause.
pub async fn replace(tx: &mut Tx, endpoint: &Endpoint) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.webhook_endpoints
         SET name = $3, url = $4, kinds = $5, disabled_at = $6::timestamptz, disabled_because = $7, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL RETURNING version",
        endpoint.id.as_uuid(),
        endpoint.version,
        endpoint.name,
        endpoint.url,
        &words(&endpoint.kinds),
        endpoint.disabled.map(|(at, _)| at.to_sqlx()) as _,
        endpoint.disabled.map(|(_, because)| because.name()),
    )
    .fetch_optional(tx.connection())
    .await?;
    if version.is_some() && endpoint.disabled.is_some() {
        give_up_waiting(tx, endpoint.id, endpoint.disabled.map(|(at, _)| at)).await?;
    }
    Ok(version)
}

/// Sets what deliveries are signed with, in the transaction that [`replace`]d it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn rotate(tx: &mut Tx, id: WebhookId, keys: &Keys) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.webhook_endpoints
         SET secret_sealed = $2, public_key = $3, previous_secret_sealed = $4, previous_public_key = $5,
             previous_until = $6::timestamptz
         WHERE id = $1",
        id.as_uuid(),
        keys.secret,
        keys.public_key,
        keys.previous_secret,
        keys.previous_public_key,
        keys.previous_until.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes it out of use, if it is still of version `version`: its secrets are forgotten, what waits is given up. `false`: it was changed
/// meanwhile, or is gone.
///
/// # Errors
/// [`Error`] by cause.
pub async fn delete(tx: &mut Tx, id: WebhookId, version: i64, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.webhook_endpoints
         SET deleted_at = $3::timestamptz, secret_sealed = NULL, previous_secret_sealed = NULL, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
        id.as_uuid(),
        version,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    give_up_waiting(tx, id, Some(now)).await?;
    Ok(true)
}

/// Sends nothing to it any more: its receiver is gone. `false`: it was disabled or deleted already.
///
/// # Errors
/// [`Error`] by cause.
pub async fn disable(tx: &mut Tx, id: WebhookId, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.webhook_endpoints SET disabled_at = $2::timestamptz, disabled_because = 'gone', version = version + 1
         WHERE id = $1 AND disabled_at IS NULL AND deleted_at IS NULL",
        id.as_uuid(),
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    give_up_waiting(tx, id, Some(now)).await?;
    Ok(true)
}

async fn give_up_waiting(tx: &mut Tx, id: WebhookId, now: Option<Timestamp>) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.webhook_deliveries
         SET state = 'given_up', trouble = 'disabled', ended_at = $2::timestamptz, leased_until = NULL
         WHERE endpoint_id = $1 AND state = 'waiting'",
        id.as_uuid(),
        now.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// A webhook that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Which.
    pub id: WebhookId,
    /// Whose.
    pub organisation: OrganisationId,
    /// What it wants to hear of; everything if empty.
    pub kinds: Vec<Kind>,
}

/// The webhooks in use of these organisations. None of them is disabled or deleted until the transaction ends.
///
/// # Errors
/// [`Error`] by cause.
pub async fn listening(tx: &mut Tx, organisations: &[OrganisationId]) -> Result<Vec<Listening>> {
    let ids: Vec<Uuid> = organisations.iter().map(|id| *id.as_uuid()).collect();
    let rows = sqlx::query!(
        "SELECT id, organisation_id, kinds FROM keepsake.webhook_endpoints
         WHERE organisation_id = ANY ($1) AND disabled_at IS NULL AND deleted_at IS NULL ORDER BY id FOR SHARE",
        &ids,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Listening {
                id: WebhookId::from_uuid(row.id),
                organisation: OrganisationId::from_uuid(row.organisation_id),
                kinds: kinds(row.kinds)?,
            })
        })
        .collect()
}

/// Whether it is in use, and keeps it so until the transaction ends.
///
/// # Errors
/// [`Error`] by cause.
pub async fn hold(tx: &mut Tx, id: WebhookId) -> Result<bool> {
    let held = sqlx::query_scalar!(
        "SELECT id FROM keepsake.webhook_endpoints WHERE id = $1 AND disabled_at IS NULL AND deleted_at IS NULL FOR SHARE",
        id.as_uuid(),
    );
    Ok(held.fetch_optional(tx.connection()).await?.is_some())
}
