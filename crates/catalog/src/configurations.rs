//! Configurations: what is to be backed up, when, to where, and for how long.
//!
//! The document is the whole of what was accepted (`domain::configuration`); the columns beside it are what is asked here. A deleted one
//! stays, for the executions that name it, and can be brought back.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    ConfigurationId, Criticality, ExecutionId, JobId, OrganisationId, Priority, SourceId, WeddingId,
    configuration::{Covered, Document, Scope, ScopeKind},
    retention,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// Its id.
    pub id: ConfigurationId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What it says.
    pub document: Document,
    /// Who made it: a user or a token.
    pub created_by: Uuid,
    /// Since when it is here.
    pub created_at: Timestamp,
    /// Counts changes.
    pub version: i64,
    /// When it runs next by itself.
    pub next_run_at: Option<Timestamp>,
    /// When it last ran by itself.
    pub last_run_at: Option<Timestamp>,
    /// Since when it is deleted.
    pub deleted_at: Option<Timestamp>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    document: Value,
    created_by: Uuid,
    created_at: jiff_sqlx::Timestamp,
    version: i64,
    next_run_at: Option<jiff_sqlx::Timestamp>,
    last_run_at: Option<jiff_sqlx::Timestamp>,
    deleted_at: Option<jiff_sqlx::Timestamp>,
}

impl TryFrom<Row> for Configuration {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let time = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
        Ok(Self {
            id: ConfigurationId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            document: serde_json::from_value(row.document).map_err(|_| Error::row("document of a configuration"))?,
            created_by: row.created_by,
            created_at: row.created_at.to_jiff(),
            version: row.version,
            next_run_at: time(row.next_run_at),
            last_run_at: time(row.last_run_at),
            deleted_at: time(row.deleted_at),
        })
    }
}

/// Its target; a document always has one.
fn target(document: &Document) -> Result<Uuid> {
    let first = document.storage_targets.first().ok_or_else(|| Error::row("target of a configuration"))?;
    Ok(*first.target_id.as_uuid())
}

/// Adds one.
///
/// # Errors
/// [`Error::Exists`] if the organisation has one of that name; else by cause.
pub async fn add(tx: &mut Tx, configuration: &Configuration) -> Result<()> {
    let document = &configuration.document;
    sqlx::query!(
        "INSERT INTO keepsake.backup_configurations (id, organisation_id, name, source_id, document, scope, backup_type,
             is_wedding_critical, enabled, retention_policy_id, storage_target_id, created_by, created_at, next_run_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        configuration.id.as_uuid(),
        configuration.organisation.as_uuid(),
        document.name,
        document.source_id.as_uuid(),
        json!(document),
        document.scope.kind().name(),
        document.backup_type.name(),
        document.is_wedding_critical,
        document.enabled,
        document.retention_policy_id.as_ref().map(|id| *id.as_uuid()),
        target(document)?,
        configuration.created_by,
        configuration.created_at.to_sqlx() as _,
        configuration.next_run_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The configuration of that id, if it is in reach, deleted or not.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: ConfigurationId) -> Result<Option<Configuration>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, document, created_by, created_at, version, next_run_at, last_run_at, deleted_at
         FROM keepsake.backup_configurations WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Configuration::try_from).transpose()
}

/// As [`get`], and nobody else changes it until the transaction ends.
///
/// # Errors
/// [`Error`] by cause.
pub async fn lock(tx: &mut Tx, id: ConfigurationId) -> Result<Option<Configuration>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, document, created_by, created_at, version, next_run_at, last_run_at, deleted_at
         FROM keepsake.backup_configurations WHERE id = $1 FOR UPDATE",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Configuration::try_from).transpose()
}

/// Which configurations a list shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this source.
    pub source: Option<SourceId>,
    /// With a scope of this kind.
    pub scope: Option<ScopeKind>,
    /// As urgent as a critical wedding, or not.
    pub wedding_critical: Option<bool>,
    /// Switched on, or off.
    pub enabled: Option<bool>,
}

/// Those in reach that are not deleted, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, filter: Filter, size: u16, after: Option<Cursor>) -> Result<Page<Configuration>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, document, created_by, created_at, version, next_run_at, last_run_at, deleted_at
         FROM keepsake.backup_configurations
         WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2))
           AND ($3::uuid IS NULL OR source_id = $3) AND ($4::text IS NULL OR scope = $4)
           AND ($5::boolean IS NULL OR is_wedding_critical = $5) AND ($6::boolean IS NULL OR enabled = $6)
         ORDER BY created_at DESC, id DESC LIMIT $7",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        filter.source.as_ref().map(SourceId::as_uuid),
        filter.scope.map(ScopeKind::name),
        filter.wedding_critical,
        filter.enabled,
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Configuration>> = rows.into_iter().map(Configuration::try_from).collect();
    Ok(Page::cut(items?, size.into(), |one| Cursor { at: one.created_at, id: *one.id.as_uuid() }))
}

/// Those of these names that an organisation has already.
///
/// # Errors
/// [`Error`] by cause.
pub async fn taken(tx: &mut Tx, organisation: OrganisationId, names: &[String]) -> Result<Vec<String>> {
    let taken = sqlx::query_scalar!(
        "SELECT name FROM keepsake.backup_configurations
         WHERE organisation_id = $1 AND name = ANY ($2) AND deleted_at IS NULL",
        organisation.as_uuid(),
        names,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(taken)
}

/// Replaces what it says, if it is still of version `version`. `None`: it was changed or deleted meanwhile; else the new version.
///
/// # Errors
/// [`Error::Exists`] if the organisation has another of that name; else by cause.
pub async fn replace(
    tx: &mut Tx,
    id: ConfigurationId,
    version: i64,
    document: &Document,
    next_run_at: Option<Timestamp>,
) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.backup_configurations
         SET name = $3, source_id = $4, document = $5, scope = $6, backup_type = $7, is_wedding_critical = $8, enabled = $9,
             retention_policy_id = $10, storage_target_id = $11, next_run_at = $12, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL RETURNING version",
        id.as_uuid(),
        version,
        document.name,
        document.source_id.as_uuid(),
        json!(document),
        document.scope.kind().name(),
        document.backup_type.name(),
        document.is_wedding_critical,
        document.enabled,
        document.retention_policy_id.as_ref().map(|id| *id.as_uuid()),
        target(document)?,
        next_run_at.map(|at| at.to_sqlx()) as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}

/// Deletes it, if it is still of version `version`: it runs no more. `false`: it was changed or deleted meanwhile.
///
/// # Errors
/// [`Error`] by cause.
pub async fn delete(tx: &mut Tx, id: ConfigurationId, version: i64, now: Timestamp) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.backup_configurations
         SET deleted_at = $3::timestamptz, next_run_at = NULL, version = version + 1
         WHERE id = $1 AND version = $2 AND deleted_at IS NULL",
        id.as_uuid(),
        version,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Brings a deleted one back: the new version. `None`: it is not deleted, or not there.
///
/// # Errors
/// [`Error::Exists`] if the organisation has another of its name by now; else by cause.
pub async fn undelete(tx: &mut Tx, id: ConfigurationId, next_run_at: Option<Timestamp>) -> Result<Option<i64>> {
    let version = sqlx::query_scalar!(
        "UPDATE keepsake.backup_configurations SET deleted_at = NULL, next_run_at = $2, version = version + 1
         WHERE id = $1 AND deleted_at IS NOT NULL RETURNING version",
        id.as_uuid(),
        next_run_at.map(|at| at.to_sqlx()) as _,
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(version)
}

/// The key under which a run of it is in the queue, once.
pub fn run_key(id: ConfigurationId) -> String {
    format!("run of configuration {id}")
}

/// Those that are to run by now, the longest due first, by their ids. Those with a run under way come when it has ended.
///
/// # Errors
/// [`Error`] by cause.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: u16) -> Result<Vec<ConfigurationId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM keepsake.backup_configurations AS configuration
         WHERE enabled AND deleted_at IS NULL AND next_run_at <= $1::timestamptz
           AND NOT EXISTS (
               SELECT FROM keepsake.backup_jobs AS job
               WHERE job.organisation_id = configuration.organisation_id AND job.state IN ('queued', 'leased')
                 AND job.dedup_key = 'run of configuration ' || configuration.id)
         ORDER BY next_run_at, id LIMIT $2",
        now.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(ConfigurationId::from_uuid).collect())
}

/// Notes that it ran by itself (`last_run_at`, if it did), and when it does next.
///
/// # Errors
/// [`Error`] by cause.
pub async fn plan(
    tx: &mut Tx,
    id: ConfigurationId,
    last_run_at: Option<Timestamp>,
    next_run_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.backup_configurations SET last_run_at = coalesce($2::timestamptz, last_run_at), next_run_at = $3 WHERE id = $1",
        id.as_uuid(),
        last_run_at.map(|at| at.to_sqlx()) as _,
        next_run_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Its executions that have not ended, with their jobs.
///
/// # Errors
/// [`Error`] by cause.
pub async fn open(tx: &mut Tx, id: ConfigurationId) -> Result<Vec<(JobId, ExecutionId)>> {
    let rows = sqlx::query!(
        "SELECT id, job_id FROM keepsake.backup_executions WHERE configuration_id = $1 AND ended_at IS NULL",
        id.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (JobId::from_uuid(row.job_id), ExecutionId::from_uuid(row.id))).collect())
}

/// A scope of weddings as the statements ask it: the one wedding, and the classes, none for all.
fn asked(scope: &Scope) -> Option<(Option<Uuid>, Vec<String>)> {
    match scope {
        Scope::Wedding { wedding_id } => Some((Some(*wedding_id.as_uuid()), Vec::new())),
        Scope::WeddingsByRule { criticality } => {
            Some((None, criticality.iter().map(|class: &Criticality| class.name().to_owned()).collect()))
        }
        Scope::Database | Scope::Bucket | Scope::Directory => None,
    }
}

/// The weddings that are in its scope now and not gone from their source, the most urgent first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn weddings(tx: &mut Tx, configuration: &Configuration) -> Result<Vec<WeddingId>> {
    let Some((wedding, classes)) = asked(&configuration.document.scope) else { return Ok(Vec::new()) };
    let ids = sqlx::query_scalar!(
        "SELECT id FROM keepsake.weddings
         WHERE source_id = $1 AND organisation_id = $2 AND vanished_at IS NULL
           AND ($3::uuid IS NULL OR id = $3) AND (cardinality($4::text[]) = 0 OR criticality = ANY ($4))
         ORDER BY (protection ->> 'priority')::integer DESC, id",
        configuration.document.source_id.as_uuid(),
        configuration.organisation.as_uuid(),
        wedding,
        &classes,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(WeddingId::from_uuid).collect())
}

/// How many weddings are in its scope now, how often the least often captured of them is, and the priority of the most urgent.
///
/// # Errors
/// [`Error`] by cause.
pub async fn covered(tx: &mut Tx, configuration: &Configuration) -> Result<(Covered, Option<Priority>)> {
    let Some((wedding, classes)) = asked(&configuration.document.scope) else { return Ok((Covered::default(), None)) };
    let rows = sqlx::query!(
        r#"SELECT protection ->> 'frequency' AS "frequency!", count(*) AS "weddings!",
             max((protection ->> 'priority')::bigint) AS "priority!"
         FROM keepsake.weddings
         WHERE source_id = $1 AND organisation_id = $2 AND vanished_at IS NULL
           AND ($3::uuid IS NULL OR id = $3) AND (cardinality($4::text[]) = 0 OR criticality = ANY ($4))
         GROUP BY 1"#,
        configuration.document.source_id.as_uuid(),
        configuration.organisation.as_uuid(),
        wedding,
        &classes,
    )
    .fetch_all(tx.connection())
    .await?;
    let mut covered = Covered::default();
    let mut priority = None;
    for row in rows {
        let frequency = row.frequency.parse().map_err(|_| Error::row("frequency of a wedding"))?;
        covered.weddings += u64::try_from(row.weddings).unwrap_or(0);
        covered.least_often = Some(covered.least_often.map_or(frequency, |known| frequency.min(known)));
        priority = priority.max(Priority::try_from(row.priority).ok());
    }
    Ok((covered, priority))
}

/// The configurations of a source that are switched on, of one organisation, each with the days of its policy; the oldest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn of_source(
    tx: &mut Tx,
    organisation: OrganisationId,
    source: SourceId,
) -> Result<Vec<(Configuration, Option<retention::Policy>)>> {
    let rows = sqlx::query!(
        r#"SELECT configuration.id, configuration.organisation_id, configuration.document, configuration.created_by,
             configuration.created_at, configuration.version, configuration.next_run_at, configuration.last_run_at,
             configuration.deleted_at, policy.rules AS "rules?"
         FROM keepsake.backup_configurations AS configuration
         LEFT JOIN keepsake.retention_policies AS policy ON policy.id = configuration.retention_policy_id
         WHERE configuration.organisation_id = $1 AND configuration.source_id = $2
           AND configuration.enabled AND configuration.deleted_at IS NULL
         ORDER BY configuration.created_at, configuration.id"#,
        organisation.as_uuid(),
        source.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    let read = rows.into_iter().map(|row| {
        let rules = row.rules.map(serde_json::from_value).transpose();
        let rules = rules.map_err(|_| Error::row("rules of a retention policy"))?;
        let configuration = Configuration::try_from(Row {
            id: row.id,
            organisation_id: row.organisation_id,
            document: row.document,
            created_by: row.created_by,
            created_at: row.created_at,
            version: row.version,
            next_run_at: row.next_run_at,
            last_run_at: row.last_run_at,
            deleted_at: row.deleted_at,
        })?;
        Ok((configuration, rules))
    });
    read.collect()
}
