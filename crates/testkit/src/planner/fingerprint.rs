//! What the database holds, as numbers that can be compared: proof that a restore touched nobody else's rows, and that a
//! wedding is exactly as it was.

use super::{Result, refused};
use crate::draw::Draw;
use std::{collections::BTreeMap, fmt};
use tokio_postgres::Client;
use uuid::Uuid;

/// Each table with the condition under which row `t` belongs to one of the weddings `$1`.
const TABLES: [(&str, &str); 26] = [
    ("organisations", "false"),
    ("profiles", "false"),
    ("venues", "false"),
    ("vendors", "false"),
    ("weddings", "t.id = ANY($1)"),
    ("households", "t.wedding_id = ANY($1)"),
    ("guests", "t.wedding_id = ANY($1)"),
    ("events", "t.wedding_id = ANY($1)"),
    ("rsvps", "t.event_id IN (SELECT id FROM public.events WHERE wedding_id = ANY($1))"),
    ("dining_tables", "t.wedding_id = ANY($1)"),
    ("seats", "t.table_id IN (SELECT id FROM public.dining_tables WHERE wedding_id = ANY($1))"),
    ("documents", "t.wedding_id = ANY($1)"),
    ("vendor_bookings", "t.wedding_id = ANY($1)"),
    ("contacts", "t.wedding_id = ANY($1)"),
    ("timeline_items", "t.wedding_id = ANY($1)"),
    ("tasks", "t.wedding_id = ANY($1)"),
    ("albums", "t.wedding_id = ANY($1)"),
    ("photos", "t.wedding_id = ANY($1)"),
    ("photo_guests", "t.photo_id IN (SELECT id FROM public.photos WHERE wedding_id = ANY($1))"),
    ("budget_items", "t.wedding_id = ANY($1)"),
    ("payments", "t.budget_item_id IN (SELECT id FROM public.budget_items WHERE wedding_id = ANY($1))"),
    ("messages", "t.wedding_id = ANY($1)"),
    ("activity", "t.wedding_id = ANY($1)"),
    ("outbox", "(t.payload ->> 'wedding_id')::uuid = ANY($1)"),
    ("activity_2025", "t.wedding_id = ANY($1)"),
    ("activity_2026", "t.wedding_id = ANY($1)"),
];

/// Rows and an order-independent hash of each table, over the whole text of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    tables: BTreeMap<&'static str, (i64, String)>,
}

impl Fingerprint {
    /// Rows of all tables; those of partitions are counted once more.
    pub fn rows(&self) -> i64 {
        self.tables.values().map(|(rows, _)| rows).sum()
    }

    /// Rows of one table; 0 for a table that is not there.
    pub fn rows_of(&self, table: &str) -> i64 {
        self.tables.get(table).map_or(0, |(rows, _)| *rows)
    }

    /// The tables that differ, in words; empty if all are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        self.tables
            .iter()
            .filter_map(|(table, ours)| match other.tables.get(table) {
                Some(theirs) if theirs == ours => None,
                Some(theirs) if theirs.0 == ours.0 => Some(format!("{table}: other content in its {} rows", ours.0)),
                theirs => Some(format!("{table}: {} rows, then {}", ours.0, theirs.map_or(0, |(rows, _)| *rows))),
            })
            .collect()
    }
}

impl fmt::Display for Fingerprint {
    /// Sixteen hexadecimal digits for people to compare; programs compare the whole value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:?}", self.tables);
        let words: Vec<u64> = text.bytes().map(u64::from).collect();
        write!(f, "{:016x}", Draw::new(&words).bits())
    }
}

/// Everything that belongs to none of the `except`ed weddings, shared rows included.
///
/// # Errors
/// [`Error::Postgres`](super::Error::Postgres); the client must not be in a transaction.
pub async fn fingerprint(client: &Client, except: &[Uuid]) -> Result<Fingerprint> {
    read(client, except, "IS NOT TRUE").await
}

/// Everything that belongs to one wedding.
///
/// # Errors
/// As [`fingerprint`].
pub async fn fingerprint_of(client: &Client, wedding: Uuid) -> Result<Fingerprint> {
    read(client, &[wedding], "IS TRUE").await
}

async fn read(client: &Client, weddings: &[Uuid], wanted: &str) -> Result<Fingerprint> {
    client
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL row_security = off; SET LOCAL TimeZone = 'UTC'; \
             SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL extra_float_digits = 1",
        )
        .await
        .map_err(refused("starting to fingerprint it"))?;
    let read = tables(client, weddings, wanted).await;
    client.batch_execute("ROLLBACK").await.map_err(refused("ending the fingerprint"))?;
    Ok(Fingerprint { tables: read? })
}

async fn tables(client: &Client, weddings: &[Uuid], wanted: &str) -> Result<BTreeMap<&'static str, (i64, String)>> {
    let mut tables = BTreeMap::new();
    for (table, belongs) in TABLES {
        let sql = format!(
            "SELECT count(*), coalesce(sum(hashtextextended(t::text, 42)), 0)::text FROM public.{table} t \
             WHERE cardinality($1::uuid[]) >= 0 AND ({belongs}) {wanted}"
        );
        let row = client.query_one(&sql, &[&weddings]).await.map_err(refused(format!("reading {table}")))?;
        tables.insert(table, (row.get(0), row.get(1)));
    }
    Ok(tables)
}
