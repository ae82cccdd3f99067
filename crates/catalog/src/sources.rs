//! Sources: the databases, buckets and directories that are protected.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{OrganisationId, SourceId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A PostgreSQL database.
    Database,
    /// A bucket of an object store.
    Bucket,
    /// A folder of the host.
    Directory,
}

impl Kind {
    /// The word in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Bucket => "bucket",
            Self::Directory => "directory",
        }
    }

    fn parse(word: &str) -> Result<Self> {
        [Self::Database, Self::Bucket, Self::Directory]
            .into_iter()
            .find(|kind| kind.name() == word)
            .ok_or_else(|| Error::row(format!("kind of source `{word}`")))
    }
}

/// Organisations by the value of the mapping's organisation column.
pub type Assignments = BTreeMap<String, OrganisationId>;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its id.
    pub id: SourceId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it is, as people see it: never a secret.
    pub location: String,
    /// What captures connect with, sealed for this row. Reads only.
    pub capture_credential: Option<Vec<u8>>,
    /// What restores connect with, sealed for this row.
    pub restore_credential: Option<Vec<u8>>,
    /// Where the files are that rows name, if the mapping does not say.
    pub files_root: Option<String>,
    /// The mapping document, with its comments.
    pub mapping: Option<String>,
    /// Counts changes of the mapping; 0 before the first.
    pub mapping_version: i64,
    /// What stays the same when the server moves; vaults are found by it.
    pub identity: Option<String>,
    /// Whose weddings are whose, by the value of the mapping's organisation column; all others are the source's own.
    pub assignments: Assignments,
    /// The operator set it: it may be a socket, a path of the host, or in a private network (S29).
    pub by_operator: bool,
    /// Counts changes of anything else.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// When weddings were last looked for with success.
    pub synced_at: Option<Timestamp>,
    /// Why the last look failed, in words that name no person.
    pub sync_error: Option<String>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    name: String,
    kind: String,
    location: String,
    capture_credential_sealed: Option<Vec<u8>>,
    restore_credential_sealed: Option<Vec<u8>>,
    files_root: Option<String>,
    mapping: Option<String>,
    mapping_version: i64,
    identity: Option<String>,
    assignments: serde_json::Value,
    by_operator: bool,
    version: i64,
    created_at: jiff_sqlx::Timestamp,
    synced_at: Option<jiff_sqlx::Timestamp>,
    sync_error: Option<String>,
}

impl TryFrom<Row> for Source {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: SourceId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            name: row.name,
            kind: Kind::parse(&row.kind)?,
            location: row.location,
            capture_credential: row.capture_credential_sealed,
            restore_credential: row.restore_credential_sealed,
            files_root: row.files_root,
            mapping: row.mapping,
            mapping_version: row.mapping_version,
            identity: row.identity,
            assignments: serde_json::from_value(row.assignments).map_err(|_| Error::row("assignments of a source"))?,
            by_operator: row.by_operator,
            version: row.version,
            created_at: row.created_at.to_jiff(),
            synced_at: row.synced_at.map(jiff_sqlx::Timestamp::to_jiff),
            sync_error: row.sync_error,
        })
    }
}

fn assignments(source: &Source) -> serde_json::Value {
    let ids = source.assignments.iter().map(|(value, id)| (value.clone(), id.to_string().into()));
    serde_json::Value::Object(ids.collect())
}

/// Adds one. Mapping and state of syncs are set later.
///
/// # Errors
/// [`Error::Exists`] if the organisation has one of that name; else by cause.
pub async fn add(tx: &mut Tx, source: &Source) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.sources (id, organisation_id, name, kind, location, capture_credential_sealed,
             restore_credential_sealed, files_root, identity, version, created_at, assignments,
             by_operator)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        source.id.as_uuid(),
        source.organisation.as_uuid(),
        source.name,
        source.kind.name(),
        source.location,
        source.capture_credential,
        source.restore_credential,
        source.files_root,
        source.identity,
        source.version,
        source.created_at.to_sqlx() as _,
        assignments(source),
        source.by_operator,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The source of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: SourceId) -> Result<Option<Source>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, kind, location, capture_credential_sealed, restore_credential_sealed, files_root,
             mapping, mapping_version, identity, assignments, by_operator, version, created_at, synced_at, sync_error
         FROM keepsake.sources WHERE id = $1 AND deleted_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Source::try_from).transpose()
}

/// Those in reach, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, size: u16, after: Option<Cursor>) -> Result<Page<Source>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, name, kind, location, capture_credential_sealed, restore_credential_sealed, files_root,
             mapping, mapping_version, identity, assignments, by_operator, version, created_at, synced_at, sync_error
         FROM keepsake.sources
         WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
         ORDER BY created_at DESC, id DESC LIMIT $3",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Source>> = rows.into_iter().map(Source::try_from).collect();
    Ok(Page::cut(items?, size.into(), |source| Cursor { at: source.created_at, id: *source.id.as_uuid() }))
}

/// Databases with a mapping whose weddings were last looked for before `before`: those that wait longest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn to_sync(tx: &mut Tx, before: Timestamp, limit: u16) -> Result<Vec<SourceId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM keepsake.sources
         WHERE deleted_at IS NULL AND kind = 'database' AND mapping IS NOT NULL
           AND (synced_at IS NULL OR synced_at <= $1::timestamptz)
         ORDER BY synced_at NULLS FIRST, id LIMIT $2",
        before.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(SourceId::from_uuid).collect())
}

/// What the server counted when the source's weddings were last captured, as the caller wrote it down.
///
/// # Errors
/// [`Error`] by cause.
pub async fn hints(tx: &mut Tx, id: SourceId) -> Result<Option<serde_json::Value>> {
    let hints = sqlx::query_scalar!("SELECT hints FROM keepsake.sources WHERE id = $1", id.as_uuid());
    Ok(hints.fetch_optional(tx.connection()).await?.flatten())
}

/// Writes that down.
///
/// # Errors
/// [`Error`] by cause.
pub async fn set_hints(tx: &mut Tx, id: SourceId, hints: &serde_json::Value) -> Result<()> {
    sqlx::query!("UPDATE keepsake.sources SET hints = $2 WHERE id = $1", id.as_uuid(), hints)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Replaces what people set, if it is still of the version that `source` carries. `None`: it was changed meanwhile, or is gone;
/// else the new version.
///
/// # Errors
/// [`Error::Exists`] if the organisation has another of that name; else by cause.
pub async fn replace(tx: &mut Tx, source: &Source) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.sources
         SET name = $3, location = $4, capture_credential_sealed = $5, restore_credential_sealed = $6, files_root = $7,
             identity = $8, assignments = $9, by_operator = $10, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL RETURNING version",
        source.id.as_uuid(),
        source.version,
        source.name,
        source.location,
        source.capture_credential,
        source.restore_credential,
        source.files_root,
        source.identity,
        assignments(source),
        source.by_operator,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}

/// Sets the mapping, if it is still of version `version`. `None`: it was changed meanwhile, or the source is gone; else the
/// new version.
///
/// # Errors
/// [`Error`] by cause.
pub async fn set_mapping(tx: &mut Tx, id: SourceId, version: i64, mapping: &str) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.sources SET mapping = $3, mapping_version = mapping_version + 1
         WHERE id = $1 AND mapping_version = $2 AND deleted_at IS NULL RETURNING mapping_version",
        id.as_uuid(),
        version,
        mapping,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}

/// Notes that weddings were looked for: what the database says it is, and when.
///
/// # Errors
/// [`Error`] by cause.
pub async fn synced(tx: &mut Tx, id: SourceId, identity: &str, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.sources SET identity = coalesce(identity, $2), synced_at = $3, sync_error = NULL, overdue_told_at = NULL
         WHERE id = $1",
        id.as_uuid(),
        identity,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes why looking failed; when it last went well stays.
///
/// # Errors
/// [`Error`] by cause.
pub async fn sync_failed(tx: &mut Tx, id: SourceId, error: &str) -> Result<()> {
    sqlx::query!("UPDATE keepsake.sources SET sync_error = $2 WHERE id = $1", id.as_uuid(), error)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// A source whose weddings were not looked for with success for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overdue {
    /// Which.
    pub id: SourceId,
    /// Whose.
    pub organisation: OrganisationId,
    /// When a look last succeeded, if one ever did.
    pub synced_at: Option<Timestamp>,
}

/// Sources that no look at has succeeded since `before`, and that people are to be told of: each once, until a look succeeds. Without
/// `patient` only those whose last look failed, for others may not have been looked at because nothing ran.
///
/// # Errors
/// [`Error`] by cause.
pub async fn newly_overdue(tx: &mut Tx, before: Timestamp, patient: bool, now: Timestamp) -> Result<Vec<Overdue>> {
    let rows = sqlx::query!(
        r#"UPDATE keepsake.sources SET overdue_told_at = $3::timestamptz
         WHERE deleted_at IS NULL AND kind = 'database' AND mapping IS NOT NULL AND overdue_told_at IS NULL
           AND coalesce(synced_at, created_at) < $1::timestamptz AND (sync_error IS NOT NULL OR $2)
         RETURNING id, organisation_id, synced_at AS "synced_at: jiff_sqlx::Timestamp""#,
        before.to_sqlx() as _,
        patient,
        now.to_sqlx() as _,
    )
    .fetch_all(tx.connection())
    .await?;
    let overdue = |id, organisation, synced_at: Option<jiff_sqlx::Timestamp>| Overdue {
        id: SourceId::from_uuid(id),
        organisation: OrganisationId::from_uuid(organisation),
        synced_at: synced_at.map(jiff_sqlx::Timestamp::to_jiff),
    };
    Ok(rows.into_iter().map(|row| overdue(row.id, row.organisation_id, row.synced_at)).collect())
}

/// Whether a configuration wants it backed up.
///
/// # Errors
/// [`Error`] by cause.
pub async fn is_used(tx: &mut Tx, id: SourceId) -> Result<bool> {
    let used = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM keepsake.backup_configurations
                          WHERE source_id = $1 AND deleted_at IS NULL) AS "used!""#,
        id.as_uuid(),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok(used)
}

/// Takes it out of use, if it is still of version `version`: its credentials are forgotten and its weddings no longer planned;
/// they and their points stay. `false`: it was changed meanwhile, or is gone.
///
/// # Errors
/// [`Error`] by cause.
pub async fn delete(tx: &mut Tx, id: SourceId, version: i64, now: Timestamp) -> Result<bool> {
    let deleted = sqlx::query!(
        "UPDATE keepsake.sources
         SET deleted_at = $3, capture_credential_sealed = NULL, restore_credential_sealed = NULL, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
        id.as_uuid(),
        version,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    if deleted.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("UPDATE keepsake.weddings SET next_run_at = NULL WHERE source_id = $1", id.as_uuid())
        .execute(tx.connection())
        .await?;
    Ok(true)
}
