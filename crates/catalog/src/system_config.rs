//! The system configuration: every version of it, with who changed it and why. None is ever changed or removed.

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{UserId, system::SystemConfig};
use serde_json::json;

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// From 1.
    pub version: i64,
    /// What holds.
    pub config: SystemConfig,
    /// Since when.
    pub changed_at: Timestamp,
    /// Who changed it.
    pub changed_by: Option<UserId>,
    /// Why.
    pub reason: String,
}

/// The newest version; `None` while nobody changed the defaults.
///
/// # Errors
/// [`Error`] by cause.
pub async fn newest(tx: &mut Tx) -> Result<Option<Version>> {
    Ok(history(tx, 1, None).await?.into_iter().next())
}

/// Versions, the newest first, before `before` if that is given.
///
/// # Errors
/// [`Error`] by cause.
pub async fn history(tx: &mut Tx, size: u16, before: Option<i64>) -> Result<Vec<Version>> {
    let rows = sqlx::query!(
        r#"SELECT version, document, changed_at AS "changed_at: jiff_sqlx::Timestamp", changed_by, reason FROM keepsake.backup_system_config
         WHERE $1::bigint IS NULL OR version < $1 ORDER BY version DESC LIMIT $2"#,
        before,
        i64::from(size),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Version {
                version: row.version,
                config: serde_json::from_value(row.document).map_err(|_| Error::row("system configuration"))?,
                changed_at: row.changed_at.to_jiff(),
                changed_by: row.changed_by.map(UserId::from_uuid),
                reason: row.reason,
            })
        })
        .collect()
}

/// Adds the version after `version`. `false`: there is one already.
///
/// # Errors
/// [`Error`] by cause.
pub async fn put(
    tx: &mut Tx,
    version: i64,
    config: &SystemConfig,
    by: Option<UserId>,
    reason: &str,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO keepsake.backup_system_config (version, document, changed_at, changed_by, reason)
         SELECT $1::bigint + 1, $2, $3, $4, $5
         WHERE $1::bigint = coalesce((SELECT max(version) FROM keepsake.backup_system_config), 0)
         ON CONFLICT DO NOTHING",
        version,
        json!(config),
        now.to_sqlx() as _,
        by.as_ref().map(UserId::as_uuid),
        reason,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}
