//! Points whose promised time is over, with what the rules ask about them (`domain::retention`).

use crate::{Error, Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    OrganisationId, PointId, TargetId, VaultId,
    point::{Judgement, Kind, Listed},
    retention::{Candidate, Promise},
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Points by the copy of a vault that they are in.
pub type Vaults = BTreeMap<(VaultId, TargetId), Vec<Candidate>>;

/// The organisations that have points whose time is over.
///
/// # Errors
/// [`Error`] by cause.
pub async fn organisations(tx: &mut Tx, now: Timestamp) -> Result<Vec<OrganisationId>> {
    let ids = sqlx::query_scalar!(
        "SELECT DISTINCT organisation_id FROM keepsake.backup_snapshots
         WHERE expired_at IS NULL AND keep_until <= $1::timestamptz",
        now.to_sqlx() as _,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok(ids.into_iter().map(OrganisationId::from_uuid).collect())
}

/// Every point of those vaults of an organisation that have one whose time is over, and how many points it has beside these, minute
/// points not counted.
///
/// # Errors
/// [`Error`] by cause.
pub async fn candidates(tx: &mut Tx, organisation: OrganisationId, now: Timestamp) -> Result<(Vaults, u64)> {
    let rows = sqlx::query!(
        r#"WITH overdue AS (
             SELECT DISTINCT vault_id, storage_target_id FROM keepsake.backup_snapshots
             WHERE organisation_id = $1 AND expired_at IS NULL AND keep_until <= $2::timestamptz)
         SELECT point.id, point.vault_id, point.storage_target_id, point.captured_at, point.kind, point.incomplete,
             point.verified_at IS NOT NULL AS "verified!", point.suspect_reasons = '[]' AS "clean!", point.retention_class,
             point.grade, point.keep_until,
             EXISTS (SELECT FROM keepsake.recovery_operations AS operation
                     WHERE operation.ended_at IS NULL
                       AND (operation.point_id = point.id OR operation.id = point.operation_id)) AS "in_use!"
         FROM keepsake.backup_snapshots AS point JOIN overdue USING (vault_id, storage_target_id)
         WHERE point.organisation_id = $1 AND point.expired_at IS NULL"#,
        organisation.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_all(tx.connection())
    .await?;
    let mut vaults = Vaults::new();
    for row in rows {
        let point = Listed {
            id: PointId::from_uuid(row.id),
            captured_at: row.captured_at.to_jiff(),
            kind: kind(&row.kind)?,
            incomplete: row.incomplete,
            verified: row.verified,
            judgement: if row.clean { Judgement::Clean } else { Judgement::Suspect },
        };
        let promise = Promise {
            class: row.retention_class.parse().map_err(|_| Error::row("class of a point"))?,
            grade: row.grade.parse().map_err(|_| Error::row("grade of a point"))?,
            keep_until: row.keep_until.to_jiff(),
        };
        // Nothing can be held by law yet.
        let candidate = Candidate { point, promise, held: false, in_use: row.in_use };
        let vault = (VaultId::from_uuid(row.vault_id), TargetId::from_uuid(row.storage_target_id));
        vaults.entry(vault).or_default().push(candidate);
    }
    let others = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM keepsake.backup_snapshots AS point
           WHERE organisation_id = $1 AND expired_at IS NULL AND grade <> 'minute'
             AND NOT EXISTS (
                 SELECT FROM keepsake.backup_snapshots AS over
                 WHERE over.organisation_id = $1 AND over.expired_at IS NULL AND over.keep_until <= $2::timestamptz
                   AND over.vault_id = point.vault_id AND over.storage_target_id = point.storage_target_id)"#,
        organisation.as_uuid(),
        now.to_sqlx() as _,
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((vaults, u64::try_from(others).unwrap_or(0)))
}

fn kind(word: &str) -> Result<Kind> {
    Ok(match word {
        "wedding" => Kind::Wedding,
        "database" => Kind::Database,
        "files" => Kind::Files,
        "pre_recovery" => Kind::PreRecovery,
        _ => return Err(Error::row("kind of a point")),
    })
}

/// Marks points as expired whose time is over and that nothing works with. How many.
///
/// # Errors
/// [`Error`] by cause.
pub async fn expire(tx: &mut Tx, points: &[PointId], now: Timestamp) -> Result<u64> {
    let ids: Vec<Uuid> = points.iter().map(|id| *id.as_uuid()).collect();
    let done = sqlx::query!(
        "UPDATE keepsake.backup_snapshots AS point SET expired_at = $2::timestamptz
         WHERE id = ANY ($1) AND expired_at IS NULL AND keep_until <= $2::timestamptz
           AND NOT EXISTS (SELECT FROM keepsake.recovery_operations AS operation
                           WHERE operation.ended_at IS NULL
                             AND (operation.point_id = point.id OR operation.id = point.operation_id))",
        &ids,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected())
}
