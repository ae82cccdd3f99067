//! Weddings as they were found in their sources, and how each is protected.

use crate::{Cursor, Error, Page, Result, Tx};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{
    OrganisationId, PointId, SourceId, VaultId, WeddingId, criticality::Criticality, protection::Protection,
    wedding::Facts,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A wedding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wedding {
    /// Its id here.
    pub id: WeddingId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Where it was found.
    pub source: SourceId,
    /// Its id there.
    pub external_id: String,
    /// What the rules ask.
    pub facts: Facts,
    /// What the rules answered last.
    pub protection: Protection,
    /// Its class, as `protection` says.
    pub criticality: Criticality,
    /// Its vault, once it has one.
    pub vault: Option<VaultId>,
    /// When a sync last found something new about it.
    pub seen_at: Timestamp,
    /// Since when its row is gone from the source.
    pub vanished_at: Option<Timestamp>,
    /// When it is to be captured next.
    pub next_run_at: Option<Timestamp>,
    /// When its newest point was captured.
    pub last_point_at: Option<Timestamp>,
    /// Until when that point is known to hold everything.
    pub confirmed_at: Option<Timestamp>,
    /// How whole its data were in that point, 0 to 100.
    pub integrity_score: Option<u8>,
}

struct Row {
    id: Uuid,
    organisation_id: Uuid,
    source_id: Uuid,
    external_id: String,
    facts: Value,
    protection: Value,
    criticality: String,
    vault_id: Option<Uuid>,
    seen_at: jiff_sqlx::Timestamp,
    vanished_at: Option<jiff_sqlx::Timestamp>,
    next_run_at: Option<jiff_sqlx::Timestamp>,
    last_point_at: Option<jiff_sqlx::Timestamp>,
    confirmed_at: Option<jiff_sqlx::Timestamp>,
    integrity_score: Option<i16>,
}

impl TryFrom<Row> for Wedding {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let time = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
        Ok(Self {
            id: WeddingId::from_uuid(row.id),
            organisation: OrganisationId::from_uuid(row.organisation_id),
            source: SourceId::from_uuid(row.source_id),
            external_id: row.external_id,
            facts: serde_json::from_value(row.facts).map_err(|_| Error::row("facts of a wedding"))?,
            protection: serde_json::from_value(row.protection).map_err(|_| Error::row("protection of a wedding"))?,
            criticality: row.criticality.parse().map_err(|_| Error::row("criticality of a wedding"))?,
            vault: row.vault_id.map(VaultId::from_uuid),
            seen_at: row.seen_at.to_jiff(),
            vanished_at: time(row.vanished_at),
            next_run_at: time(row.next_run_at),
            last_point_at: time(row.last_point_at),
            confirmed_at: time(row.confirmed_at),
            integrity_score: row.integrity_score.and_then(|score| u8::try_from(score).ok()),
        })
    }
}

/// The wedding of that id, if it is in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn get(tx: &mut Tx, id: WeddingId) -> Result<Option<Wedding>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, external_id, facts, protection, criticality, vault_id, seen_at, vanished_at,
             next_run_at, last_point_at, confirmed_at, integrity_score
         FROM keepsake.weddings WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    row.map(Wedding::try_from).transpose()
}

/// Which weddings a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this class only.
    pub criticality: Option<Criticality>,
    /// Only those whose row is gone (`true`), or is there (`false`).
    pub vanished: Option<bool>,
    /// Only those with this id in their source.
    pub external_id: Option<String>,
}

/// Days that stand for none, in the order of the list.
const NO_DAY: Date = Date::constant(9999, 12, 31);

/// The weddings in reach in the order of their first days, those without one last. The time of a cursor is the first day's
/// midnight in UTC.
///
/// # Errors
/// [`Error`] by cause.
pub async fn list(tx: &mut Tx, filter: Filter, size: u16, after: Option<Cursor>) -> Result<Page<Wedding>> {
    let day = after.map(|cursor| cursor.at.to_zoned(TimeZone::UTC).date());
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, external_id, facts, protection, criticality, vault_id, seen_at, vanished_at,
             next_run_at, last_point_at, confirmed_at, integrity_score
         FROM keepsake.weddings
         WHERE ($1::date IS NULL OR (coalesce(first_day, '9999-12-31'::date), id) > ($1, $2))
           AND ($3::text IS NULL OR criticality = $3)
           AND ($4::boolean IS NULL OR (vanished_at IS NOT NULL) = $4)
           AND ($5::text IS NULL OR external_id = $5)
         ORDER BY coalesce(first_day, '9999-12-31'::date), id LIMIT $6",
        day.map(|day| day.to_sqlx()) as _,
        after.map(|cursor| cursor.id),
        filter.criticality.map(Criticality::name),
        filter.vanished,
        filter.external_id,
        i64::from(size) + 1,
    )
    .fetch_all(tx.connection())
    .await?;
    let items: Result<Vec<Wedding>> = rows.into_iter().map(Wedding::try_from).collect();
    Ok(Page::cut(items?, size.into(), |wedding| {
        let day = wedding.facts.days.map_or(NO_DAY, |days| days.first());
        let at = day.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |midnight| midnight.timestamp());
        Cursor { at, id: *wedding.id.as_uuid() }
    }))
}

/// The weddings of a source whose ids there lie after `after` and, unless it is `None`, not after `until`, in the order of
/// these ids; `size` of them at most.
///
/// # Errors
/// [`Error`] by cause.
pub async fn between(
    tx: &mut Tx,
    source: SourceId,
    after: Option<&str>,
    until: Option<&str>,
    size: u16,
) -> Result<Vec<Wedding>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, external_id, facts, protection, criticality, vault_id, seen_at, vanished_at,
             next_run_at, last_point_at, confirmed_at, integrity_score
         FROM keepsake.weddings
         WHERE source_id = $1 AND ($2::text IS NULL OR external_id > $2) AND ($3::text IS NULL OR external_id <= $3)
         ORDER BY external_id LIMIT $4",
        source.as_uuid(),
        after,
        until,
        i64::from(size),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Wedding::try_from).collect()
}

/// Writes what a sync found: weddings that are new, and of others the facts, the protection, the plan, and since when they are
/// gone. What captures noted, and whose a wedding is, stays as it was.
///
/// # Errors
/// [`Error`] by cause.
pub async fn put(tx: &mut Tx, weddings: &[Wedding]) -> Result<()> {
    let rows: Vec<Value> = weddings
        .iter()
        .map(|wedding| {
            json!({
                "id": wedding.id,
                "organisation_id": wedding.organisation,
                "source_id": wedding.source,
                "external_id": wedding.external_id,
                "facts": wedding.facts,
                "first_day": wedding.facts.days.map(|days| days.first()),
                "protection": wedding.protection,
                "criticality": wedding.criticality,
                "seen_at": wedding.seen_at,
                "vanished_at": wedding.vanished_at,
                "next_run_at": wedding.next_run_at,
            })
        })
        .collect();
    sqlx::query!(
        "INSERT INTO keepsake.weddings AS known (id, organisation_id, source_id, external_id, facts, first_day, protection,
             criticality, seen_at, vanished_at, next_run_at)
         SELECT id, organisation_id, source_id, external_id, facts, first_day, protection, criticality, seen_at, vanished_at,
             next_run_at
         FROM jsonb_to_recordset($1) AS found (id uuid, organisation_id uuid, source_id uuid, external_id text, facts jsonb,
             first_day date, protection jsonb, criticality text, seen_at timestamptz, vanished_at timestamptz,
             next_run_at timestamptz)
         ON CONFLICT (source_id, external_id) DO UPDATE
         -- Of two syncs that find one at once, the first gave it its id.
         SET facts = excluded.facts || jsonb_build_object('id', known.id), first_day = excluded.first_day, protection = excluded.protection,
             criticality = excluded.criticality, seen_at = excluded.seen_at, vanished_at = excluded.vanished_at,
             next_run_at = excluded.next_run_at",
        Value::Array(rows),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Replaces what the rules answer and when it is captured next. `false`: it is not there, or not in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn protect(
    tx: &mut Tx,
    id: WeddingId,
    protection: &Protection,
    next_run_at: Option<Timestamp>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.weddings SET protection = $2, criticality = $3, next_run_at = $4 WHERE id = $1",
        id.as_uuid(),
        json!(protection),
        protection.criticality.name(),
        next_run_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes a new point of it: in which vault, as of when, how whole the data were, and whether it looks like damage or is not whole. An older one than is known changes
/// nothing. `false`: so it was, or it is not in reach.
///
/// # Errors
/// [`Error`] by cause.
pub async fn captured(
    tx: &mut Tx,
    id: WeddingId,
    vault: VaultId,
    point_at: Timestamp,
    score: Option<u8>,
    unclean: bool,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE keepsake.weddings
         SET vault_id = $2, last_point_at = $3::timestamptz, confirmed_at = greatest(confirmed_at, $3::timestamptz),
             integrity_score = $4, newest_unclean = $5
         WHERE id = $1 AND (last_point_at IS NULL OR last_point_at <= $3::timestamptz)",
        id.as_uuid(),
        vault.as_uuid(),
        point_at.to_sqlx() as _,
        score.map(i16::from),
        unclean,
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Several by their ids, in no order; those that are not in reach are left out.
///
/// # Errors
/// [`Error`] by cause.
pub async fn several(tx: &mut Tx, ids: &[WeddingId]) -> Result<Vec<Wedding>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, organisation_id, source_id, external_id, facts, protection, criticality, vault_id, seen_at, vanished_at,
             next_run_at, last_point_at, confirmed_at, integrity_score
         FROM keepsake.weddings WHERE id = ANY ($1)",
        &ids,
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Wedding::try_from).collect()
}

/// Weddings that are to be captured by now: the most urgent first, and of equally urgent ones the one that waits longest. Those whose
/// source has a pass under way for their organisation ([`pass_key`]) come with the next.
///
/// # Errors
/// [`Error`] by cause.
pub async fn due(tx: &mut Tx, now: Timestamp, limit: u16) -> Result<Vec<Wedding>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT wedding.id, wedding.organisation_id, wedding.source_id, wedding.external_id, wedding.facts, wedding.protection,
             wedding.criticality, wedding.vault_id, wedding.seen_at, wedding.vanished_at, wedding.next_run_at,
             wedding.last_point_at, wedding.confirmed_at, wedding.integrity_score
         FROM keepsake.weddings AS wedding
         JOIN keepsake.sources AS source ON source.id = wedding.source_id
         WHERE wedding.next_run_at <= $1::timestamptz AND wedding.vanished_at IS NULL
           AND source.deleted_at IS NULL AND source.mapping IS NOT NULL
           AND NOT EXISTS (
               SELECT FROM keepsake.backup_jobs AS job
               WHERE job.organisation_id = wedding.organisation_id AND job.state IN ('queued', 'leased')
                 AND job.dedup_key = 'weddings of source ' || wedding.source_id)
         ORDER BY (wedding.protection ->> 'priority')::integer DESC, wedding.next_run_at, wedding.id LIMIT $2"#,
        now.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    rows.into_iter().map(Wedding::try_from).collect()
}

/// The key under which one pass over the weddings of a source is in the queue, once for each organisation.
pub fn pass_key(source: SourceId) -> String {
    format!("weddings of source {source}")
}

/// Sets when each is captured next.
///
/// # Errors
/// [`Error`] by cause.
pub async fn plan(tx: &mut Tx, next: &[(WeddingId, Timestamp)]) -> Result<()> {
    let rows: Vec<Value> = next.iter().map(|(id, at)| json!({"id": id, "at": at})).collect();
    sqlx::query!(
        "UPDATE keepsake.weddings AS wedding SET next_run_at = planned.at
         FROM jsonb_to_recordset($1) AS planned (id uuid, at timestamptz)
         WHERE wedding.id = planned.id",
        Value::Array(rows),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Notes that its newest point was found to hold everything still at that time.
///
/// # Errors
/// [`Error`] by cause.
pub async fn confirmed(tx: &mut Tx, ids: &[WeddingId], at: Timestamp) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| *id.as_uuid()).collect();
    sqlx::query!(
        "UPDATE keepsake.weddings SET confirmed_at = greatest(confirmed_at, $2::timestamptz) WHERE id = ANY ($1)",
        &ids,
        at.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// What was done for a wedding by the Saturday protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weekend {
    /// The wedding.
    pub wedding: Wedding,
    /// When its newest full backup was captured that was read whole.
    pub full_backup_at: Option<Timestamp>,
    /// When its newest backup was captured whose restore was rehearsed.
    pub rehearsed_backup_at: Option<Timestamp>,
    /// Its newest clean point.
    pub point: Option<(PointId, Timestamp)>,
    /// A full backup or a rehearsal of it waits or runs.
    pub at_work: bool,
}

/// The key under which work of the Saturday protocol on a wedding is in the queue.
pub fn weekend_key(wedding: WeddingId) -> String {
    format!("weekend of wedding {wedding}")
}

/// Weddings whose first day lies between two, for the Saturday protocol; in the order of their days.
///
/// # Errors
/// [`Error`] by cause.
pub async fn weekends(tx: &mut Tx, from: Date, until: Date, limit: u16) -> Result<Vec<Weekend>> {
    let rows = sqlx::query!(
        r#"SELECT wedding.id, wedding.full_backup_at AS "full_backup_at: jiff_sqlx::Timestamp",
             wedding.rehearsed_backup_at AS "rehearsed_backup_at: jiff_sqlx::Timestamp",
             point.id AS "point_id?", point.captured_at AS "captured_at?: jiff_sqlx::Timestamp",
             EXISTS (SELECT FROM keepsake.backup_jobs AS job
                     WHERE job.organisation_id = wedding.organisation_id AND job.state IN ('queued', 'leased')
                       AND job.dedup_key = 'weekend of wedding ' || wedding.id) AS "at_work!"
         FROM keepsake.weddings AS wedding
         JOIN keepsake.sources AS source ON source.id = wedding.source_id AND source.deleted_at IS NULL AND source.mapping IS NOT NULL
         LEFT JOIN LATERAL (
             SELECT id, captured_at FROM keepsake.backup_snapshots
             WHERE wedding_id = wedding.id AND kind = 'wedding' AND expired_at IS NULL AND NOT incomplete AND suspect_reasons = '[]'
             ORDER BY captured_at DESC, id DESC LIMIT 1) AS point ON true
         WHERE wedding.vanished_at IS NULL AND wedding.first_day BETWEEN $1::date AND $2::date
         ORDER BY wedding.first_day, wedding.id LIMIT $3"#,
        from.to_sqlx() as _,
        until.to_sqlx() as _,
        i64::from(limit),
    )
    .fetch_all(tx.connection())
    .await?;
    let ids: Vec<WeddingId> = rows.iter().map(|row| WeddingId::from_uuid(row.id)).collect();
    let mut known: std::collections::HashMap<WeddingId, Wedding> =
        several(tx, &ids).await?.into_iter().map(|wedding| (wedding.id, wedding)).collect();
    let weekends = rows.into_iter().filter_map(|row| {
        Some(Weekend {
            wedding: known.remove(&WeddingId::from_uuid(row.id))?,
            full_backup_at: row.full_backup_at.map(jiff_sqlx::Timestamp::to_jiff),
            rehearsed_backup_at: row.rehearsed_backup_at.map(jiff_sqlx::Timestamp::to_jiff),
            point: row.point_id.zip(row.captured_at).map(|(id, at)| (PointId::from_uuid(id), at.to_jiff())),
            at_work: row.at_work,
        })
    });
    Ok(weekends.collect())
}

/// Notes what the Saturday protocol has for a wedding: the capture time of a backup that was read whole, and of one whose restore was
/// rehearsed. What is `None`, or older than is known, stays as it is.
///
/// # Errors
/// [`Error`] by cause.
pub async fn prepared(
    tx: &mut Tx,
    id: WeddingId,
    full_backup_at: Option<Timestamp>,
    rehearsed_backup_at: Option<Timestamp>,
) -> Result<()> {
    sqlx::query!(
        "UPDATE keepsake.weddings
         SET full_backup_at = greatest(full_backup_at, $2::timestamptz),
             rehearsed_backup_at = greatest(rehearsed_backup_at, $3::timestamptz)
         WHERE id = $1",
        id.as_uuid(),
        full_backup_at.map(|at| at.to_sqlx()) as _,
        rehearsed_backup_at.map(|at| at.to_sqlx()) as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
