//! Retention policies: how long points are kept, under a name that configurations refer to.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, PolicyId, retention};
use serde_json::{Value, json};
use uuid::Uuid;

/// A retention policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// The days.
    pub rules: retention::Policy,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    name: String,
    rules: Value,
    version: i64,
    created_at: jiff_sqlx::Timestamp,
}

impl TryFrom<Row> for Policy {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: PolicyId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            name: row.name,
            rules: serde_json::from_value(row.rules).map_err(|_| Error::row("rules of a retention policy"))?,
            version: row.version,
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Adds one.
///
/// # Errors
/// [`Error::Exists`] if the organisation has one of that name; else by cause.
pub async fn add(tx: &mut Tx, policy: &Policy) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.retention_policies (id, organisation_id, name, rules, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        policy.id.as_uuid(),
        policy.organisation.as_uuid(),
        policy.name,
        json!(policy.rules),
        policy.version,
        policy.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The policy of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: PolicyId) -> Result<Option<Policy>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, rules, version, created_at FROM keepsake.retention_policies WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Policy::try_from).transpose()
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Policy>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, rules, version, created_at FROM keepsake.retention_policies
         WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Policy>> = rows.into_iter().map(Policy::try_from).collect();
    Ok(Page::cut(items?, size.into(), |policy| Cursor { at: policy.created_at, id: *policy.id.as_uuid() }))
}

/// Replaces name and days, if it is still of version `version`. `None`: it was changed meanwhile; else the new version.
///
/// # Errors
/// [`Error::Exists`] if the organisation has another of that name; else by cause.
pub async fn replace(
    tx: &mut Tx,
    id: PolicyId,
    version: i64,
    name: &str,
    rules: &retention::Policy,
) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.retention_policies SET name = $3, rules = $4, version = version + 1
         WHERE id = $1 AND version = $2 RETURNING version",
        id.as_uuid(),
        version,
        name,
        json!(rules),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}

/// How many configurations in use name it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn uses(tx: &mut Tx, id: PolicyId) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM keepsake.backup_configurations
           WHERE retention_policy_id = $1 AND deleted_at IS NULL AND enabled"#,
        id.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(u64::try_from(count).unwrap_or(0))
}
