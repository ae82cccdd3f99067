//! Storage targets: where copies go. An organisation's own, and the operator's, which everybody may use.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, TargetId, tier::Tier};
use uuid::Uuid;

/// A storage target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its id.
    pub id: TargetId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// Which copy it is for.
    pub tier: Tier,
    /// A storage URL, without secrets.
    pub url: String,
    /// The keys of the store, sealed for this row.
    pub credentials: Option<Vec<u8>>,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    name: String,
    tier: String,
    url: String,
    credentials_sealed: Option<Vec<u8>>,
    version: i64,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for Target {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: TargetId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            name: row.name,
            tier: row.tier.parse().map_err(|_| Error::row("tier of a storage target"))?,
            url: row.url,
            credentials: row.credentials_sealed,
            version: row.version,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Adds one.
///
/// # Errors
/// [`Error::Exists`] if the organisation has one of that name; else by cause.
pub async fn add(tx: &mut Tx, target: &Target) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.storage_targets (id, organisation_id, name, tier, url, credentials_sealed, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        target.id.as_uuid(),
        target.organisation.as_uuid(),
        target.name,
        target.tier.name(),
        target.url,
        target.credentials,
        target.version,
        target.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The target of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: TargetId) -> Result<Option<Target>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, tier, url, credentials_sealed, version, created_at
         FROM keepsake.storage_targets WHERE id = $1 AND deleted_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Target::try_from).transpose()
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Target>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, tier, url, credentials_sealed, version, created_at
         FROM keepsake.storage_targets
         WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Target>> = rows.into_iter().map(Target::try_from).collect();
    Ok(Page::cut(items?, size.into(), |target| Cursor { at: target.created_at, id: *target.id.as_uuid() }))
}
