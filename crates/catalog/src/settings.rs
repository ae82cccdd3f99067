//! What people decided about single weddings by hand.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, WeddingId, wedding::Settings};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// Settings of one wedding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versioned {
    /// The settings.
    pub settings: Settings,
    /// Counts changes; 0 while nobody decided anything.
    pub version: i64,
}

fn parse(settings: serde_json::Value) -> Result<Settings> {
    serde_json::from_value(settings).map_err(|_| Error::row("backup settings of a wedding"))
}

/// Those of a wedding.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, wedding: WeddingId) -> Result<Versioned> {
    let row = sqlx::query!(
        "SELECT settings, version FROM keepsake.wedding_backup_settings WHERE wedding_id = $1",
        wedding.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    let Some(row) = row else { return Ok(Versioned::default()) };
    Ok(Versioned { settings: parse(row.settings)?, version: row.version })
}

/// Those of several weddings; who has none is not in it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn of(tx: &mut Tx, weddings: &[WeddingId]) -> Result<HashMap<WeddingId, Settings>> {
    let ids: Vec<Uuid> = weddings.iter().map(|id| *id.as_uuid()).collect();
    let rows = sqlx::query!(
        "SELECT wedding_id, settings FROM keepsake.wedding_backup_settings WHERE wedding_id = ANY ($1)",
        &ids,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(|row| Ok((WeddingId::from_uuid(row.wedding_id), parse(row.settings)?))).collect()
}

/// Replaces them, if they are still of version `version`. `None`: they were changed meanwhile; else the new version.
///
/// # Errors
/// [`Error`] by cause.
pub async fn put(
    tx: &mut Tx,
    wedding: WeddingId,
    organisation: OrganisationId,
    version: i64,
    settings: &Settings,
    now: Timestamp,
) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "INSERT INTO keepsake.wedding_backup_settings AS known (wedding_id, organisation_id, settings, version, changed_at)
         SELECT $1, $2, $3, 1, $4 WHERE $5::bigint = 0
             OR EXISTS (SELECT FROM keepsake.wedding_backup_settings WHERE wedding_id = $1)
         ON CONFLICT (wedding_id) DO UPDATE
         SET settings = excluded.settings, version = known.version + 1, changed_at = excluded.changed_at
         WHERE known.version = $5
         RETURNING version",
        wedding.as_uuid(),
        organisation.as_uuid(),
        json!(settings),
        now.to_sqlx() as _,
        version,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}
