//! Recovery points as the catalog knows them. The vaults hold the points themselves; what is here can be made again from them,
//! but for what was thought of each (suspect reasons, promises).

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    Criticality, ExecutionId, OperationId, OrganisationId, PointId, SourceId, TargetId, VaultId, WeddingId,
    point::Kind,
    retention::{Grade, Promise},
    suspect,
};
use serde_json::Value;
use std::collections::HashMap;
use uuid::Uuid;

/// A recovery point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its id, which the snapshot carries, too.
    pub id: PointId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What was captured.
    pub source: Option<SourceId>,
    /// The wedding, if it is of one.
    pub wedding: Option<WeddingId>,
    /// The vault that it is in.
    pub vault: VaultId,
    /// Where its first copy is.
    pub target: TargetId,
    /// What it is.
    pub kind: Kind,
    /// The execution that made it.
    pub execution: Option<ExecutionId>,
    /// For a state saved before a restore: the operation that it undoes.
    pub operation: Option<OperationId>,
    /// The state of the source at this time.
    pub captured_at: Timestamp,
    /// Until when the source was seen to be the same still.
    pub confirmed_at: Timestamp,
    /// Something could not be read (S13).
    pub incomplete: bool,
    /// Why it looks like damage; none for a clean one (S14).
    pub suspect: Vec<suspect::Finding>,
    /// When it was last found to be sound.
    pub verified_at: Option<Timestamp>,
    /// How closely: `listed`, `read`, `decrypted`.
    pub verification: Option<String>,
    /// How whole the wedding's data were, 0 to 100.
    pub integrity_score: Option<u8>,
    /// What the next capture is compared with, and the issues found.
    pub summary: Value,
    /// Bytes captured.
    pub raw_bytes: u64,
    /// Bytes added to the store.
    pub stored_bytes: u64,
    /// The highest class that it had.
    pub retention_class: Criticality,
    /// How much of the past it stands for (S26).
    pub grade: Grade,
    /// Kept at least until then (S25).
    pub keep_until: Timestamp,
    /// When it came here.
    pub created_at: Timestamp,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    source_id: Option<Uuid>,
    wedding_id: Option<Uuid>,
    vault_id: Uuid,
    storage_target_id: Uuid,
    kind: String,
    execution_id: Option<Uuid>,
    operation_id: Option<Uuid>,
    captured_at: jiff_sqlx::Timestamp,
    confirmed_at: jiff_sqlx::Timestamp,
    incomplete: bool,
    suspect_reasons: Value,
    verified_at: Option<jiff_sqlx::Timestamp>,
    verification: Option<String>,
    integrity_score: Option<i16>,
    summary: Value,
    raw_bytes: i64,
    stored_bytes: i64,
    retention_class: String,
    grade: String,
    keep_until: jiff_sqlx::Timestamp,
    created_at: jiff_sqlx::Timestamp,
}

/// The word in the catalog.
const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Wedding => "wedding",
        Kind::Database => "database",
        Kind::Files => "files",
        Kind::PreRecovery => "pre_recovery",
    }
}

fn kind(word: &str) -> Result<Kind> {
    [Kind::Wedding, Kind::Database, Kind::Files, Kind::PreRecovery]
        .into_iter()
        .find(|kind| kind_name(*kind) == word)
        .ok_or_else(|| Error::row("kind of a point"))
}

impl TryFrom<Row> for Point {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: PointId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            source: row.source_id.map(SourceId::from_uuid),
            wedding: row.wedding_id.map(WeddingId::from_uuid),
            vault: VaultId::from_uuid(row.vault_id),
            target: TargetId::from_uuid(row.storage_target_id),
            kind: kind(&row.kind)?,
            execution: row.execution_id.map(ExecutionId::from_uuid),
            operation: row.operation_id.map(OperationId::from_uuid),
            captured_at: row.captured_at.to_jiff(),
            confirmed_at: row.confirmed_at.to_jiff(),
            incomplete: row.incomplete,
            suspect: serde_json::from_value(row.suspect_reasons)
                .map_err(|_| Error::row("reasons of a suspect point"))?,
            verified_at: row.verified_at.map(jiff_sqlx::Timestamp::to_jiff),
            verification: row.verification,
            integrity_score: row.integrity_score.and_then(|score| u8::try_from(score).ok()),
            summary: row.summary,
            raw_bytes: u64::try_from(row.raw_bytes).unwrap_or(0),
            stored_bytes: u64::try_from(row.stored_bytes).unwrap_or(0),
            retention_class: row.retention_class.parse().map_err(|_| Error::row("class of a point"))?,
            grade: row.grade.parse().map_err(|_| Error::row("grade of a point"))?,
            keep_until: row.keep_until.to_jiff(),
            created_at: row.created_at.to_jiff(),
        })
    }
}

/// Adds one.
///
/// # Errors
/// [`Error`] by cause.
pub async fn add(tx: &mut Tx, point: &Point) -> Result<()> {
    sqlx::query!(
        "INSERT INTO keepsake.backup_snapshots (id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind,
             execution_id, operation_id, captured_at, confirmed_at, incomplete, suspect_reasons, verified_at, verification,
             integrity_score, summary, raw_bytes, stored_bytes, retention_class, grade, keep_until, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
        point.id.as_uuid(),
        point.organisation.as_uuid(),
        point.source.as_ref().map(SourceId::as_uuid),
        point.wedding.as_ref().map(WeddingId::as_uuid),
        point.vault.as_uuid(),
        point.target.as_uuid(),
        kind_name(point.kind),
        point.execution.as_ref().map(ExecutionId::as_uuid),
        point.operation.as_ref().map(OperationId::as_uuid),
        point.captured_at.to_sqlx() as _,
        point.confirmed_at.to_sqlx() as _,
        point.incomplete,
        serde_json::json!(point.suspect),
        point.verified_at.map(|at| at.to_sqlx()) as _,
        point.verification,
        point.integrity_score.map(i16::from),
        point.summary,
        i64::try_from(point.raw_bytes).unwrap_or(i64::MAX),
        i64::try_from(point.stored_bytes).unwrap_or(i64::MAX),
        point.retention_class.name(),
        point.grade.name(),
        point.keep_until.to_sqlx() as _,
        point.created_at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The point of that id, if it is in reach and not expired.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: PointId) -> Result<Option<Point>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind, execution_id, operation_id,
             captured_at, confirmed_at, incomplete, suspect_reasons, verified_at, verification, integrity_score, summary,
             raw_bytes, stored_bytes, retention_class, grade, keep_until, created_at
         FROM keepsake.backup_snapshots WHERE id = $1 AND expired_at IS NULL",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Point::try_from).transpose()
}

/// Which points a list shows. States saved before restores only if their kind is asked for (S8).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this wedding.
    pub wedding: Option<WeddingId>,
    /// Of this source.
    pub source: Option<SourceId>,
    /// Captured then or before.
    pub at_or_before: Option<Timestamp>,
    /// Found to be sound, or not.
    pub verified: Option<bool>,
    /// Whole and without suspicion, or not.
    pub clean: Option<bool>,
    /// Of this kind.
    pub kind: Option<Kind>,
}

/// Those in reach that are not expired, newest first.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, filter: Filter, size: u16, after: Option<Cursor>) -> Result<Page<Point>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, wedding_id, vault_id, storage_target_id, kind, execution_id, operation_id,
             captured_at, confirmed_at, incomplete, suspect_reasons, verified_at, verification, integrity_score, summary,
             raw_bytes, stored_bytes, retention_class, grade, keep_until, created_at
         FROM keepsake.backup_snapshots
         WHERE expired_at IS NULL
           AND ($1::timestamptz IS NULL OR (captured_at, id) < ($1, $2))
           AND ($3::uuid IS NULL OR wedding_id = $3) AND ($4::uuid IS NULL OR source_id = $4)
           AND ($5::timestamptz IS NULL OR captured_at <= $5)
           AND ($6::boolean IS NULL OR (verified_at IS NOT NULL) = $6)
           AND ($7::boolean IS NULL OR (NOT incomplete AND suspect_reasons = '[]') = $7)
           AND CASE WHEN $8::text IS NULL THEN kind <> 'pre_recovery' ELSE kind = $8 END
         ORDER BY captured_at DESC, id DESC LIMIT $9",
        after.map(|cursor| cursor.at.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        filter.wedding.as_ref().map(WeddingId::as_uuid),
        filter.source.as_ref().map(SourceId::as_uuid),
        filter.at_or_before.map(|at| at.to_sqlx()) as _,
        filter.verified,
        filter.clean,
        filter.kind.map(kind_name),
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Point>> = rows.into_iter().map(Point::try_from).collect();
    Ok(Page::cut(items?, size.into(), |row| Cursor { at: row.captured_at, id: *row.id.as_uuid() }))
}

/// The last clean point of a wedding: what the next capture is compared with, and what is restored by default (S14).
///
/// # Errors
/// [`Error`] by cause.
pub async fn last_clean(tx: &mut Tx, wedding: WeddingId) -> Result<Option<Point>> {
    let filter = Filter { wedding: Some(wedding), kind: Some(Kind::Wedding), clean: Some(true), ..Filter::default() };
    Ok(list(tx, filter, 1, None).await?.items.into_iter().next())
}

/// The newest point of each of several weddings, suspect and incomplete ones included; who has none is not in it.
///
/// # Errors
/// [`Error`] by cause.
pub async fn newest_of(tx: &mut Tx, weddings: &[WeddingId]) -> Result<HashMap<WeddingId, Point>> {
    let ids: Vec<Uuid> = weddings.iter().map(|id| *id.as_uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT point.id, point.organisation_id, point.source_id, point.wedding_id, point.vault_id, point.storage_target_id, point.kind,
             point.execution_id, point.operation_id, point.captured_at, point.confirmed_at, point.incomplete,
             point.suspect_reasons, point.verified_at, point.verification, point.integrity_score, point.summary,
             point.raw_bytes, point.stored_bytes, point.retention_class, point.grade, point.keep_until, point.created_at
         FROM unnest($1::uuid[]) AS asked (id)
         CROSS JOIN LATERAL (
             SELECT * FROM keepsake.backup_snapshots
             WHERE wedding_id = asked.id AND kind = 'wedding' AND expired_at IS NULL
             ORDER BY captured_at DESC, id DESC LIMIT 1
         ) AS point"#,
        &ids,
    )
    .fetch_all(tx.connection())
    .await?;
    let points: Result<Vec<Point>> = rows.into_iter().map(Point::try_from).collect();
    Ok(points?.into_iter().filter_map(|point| Some((point.wedding?, point))).collect())
}

/// Notes that the source was seen to be the same still at `until`, and what the point is promised now. Nothing gets less.
///
/// # Errors
/// [`Error`] by cause.
pub async fn confirm(tx: &mut Tx, id: PointId, until: Timestamp, promise: &Promise) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.backup_snapshots
         SET confirmed_at = greatest(confirmed_at, $2::timestamptz), retention_class = $3, grade = $4,
             keep_until = greatest(keep_until, $5::timestamptz)
         WHERE id = $1",
        id.as_uuid(),
        until.to_sqlx() as _,
        promise.class.name(),
        promise.grade.name(),
        promise.keep_until.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that a point was found to be sound, and how closely that was looked at.
///
/// # Errors
/// [`Error`] by cause.
pub async fn verified(tx: &mut Tx, id: PointId, verification: &str, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.backup_snapshots SET verified_at = $3::timestamptz, verification = $2 WHERE id = $1",
        id.as_uuid(),
        verification,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
