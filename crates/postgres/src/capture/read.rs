//! The part of a capture that happens in the database: lock, snapshot, catalog, rows, references.

use super::{
    Error, Progress, Request, Result, TableEntry, documents, explain, ids, line, references,
    scan::{self, Plan, Wedding},
};
use crate::{
    connect::{ServerError, Session},
    mapping::{Bound, Mapping},
    ownership::{self, Ids},
    schema::{self, Schema, TableName, quote_ident},
};
use futures::{StreamExt, future::try_join_all, stream};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashMap};
use tokio_postgres::error::SqlState;

/// Everything that was read.
pub(super) struct Read {
    pub schema: Schema,
    pub bound: Bound,
    pub mapping: Mapping,
    pub captured_at: Timestamp,
    pub snapshot: String,
    pub lsn: Option<String>,
    /// Ids as they were asked for.
    pub asked: Vec<String>,
    pub weddings: Vec<Wedding>,
    pub found: Vec<references::Found>,
    /// Entries of the tables, without counts.
    pub tables: Vec<TableEntry>,
    /// Stored columns of the root, in file order.
    pub root_columns: Vec<String>,
}

/// How long one attempt waits for a table that a schema change has locked. It must stay below a second: from then on
/// PostgreSQL looks for deadlocks, and might end the application's transaction instead of ours.
const LOCK_WAIT: &str = "800ms";
/// Attempts before the capture gives up: five seconds.
const LOCK_ATTEMPTS: u32 = 6;
/// Progress is told after each table, and in a big one after so many bytes.
const PROGRESS_BYTES: u64 = 1024 * 1024;
/// Requests under way before the answer to the first: hides the network's delay.
const PIPELINED: usize = 4;

/// Locks the tables, takes the snapshot, and reads all rows of all weddings into their sinks.
pub(super) async fn rows(session: &Session, request: &Request<'_>) -> Result<Read> {
    let mut attempt = 1;
    let (captured_at, snapshot, lsn, schema) = loop {
        match begin(session, request.mapping).await {
            Ok(begun) => break begun,
            Err(error) if attempt < LOCK_ATTEMPTS && error.is_lock_wait() => {
                attempt += 1;
                rollback(session).await?;
            }
            Err(error) => {
                return Err(explain::begin(session, request.mapping, request.mapping_text, error).await);
            }
        }
    };
    let bound = explain::bind(request.mapping, request.mapping_text, &schema)?;
    let (asked, canonical) = ids::canonical(session, &bound, request.ids).await?;
    ownership::set_ids(&session.client, &canonical)
        .await
        .map_err(|error| Error::read("the ids of the weddings", error))?;
    let mut weddings: Vec<Wedding> = canonical
        .iter()
        .zip(&asked)
        .map(|(id, asked)| Wedding::new(id.clone(), (request.sinks)(asked), bound.tables.len()))
        .collect();
    let result = all(session, request, &schema, &bound, &mut weddings).await;
    let (found, tables, root_columns) = match result {
        Ok(read) => read,
        Err(error) => return Err(explain::refusal(session, &bound, error).await),
    };
    session.client.batch_execute("COMMIT").await.map_err(|error| Error::read("the end of the snapshot", error))?;
    Ok(Read {
        schema,
        bound,
        mapping: request.mapping.clone(),
        captured_at,
        snapshot,
        lsn,
        asked,
        weddings,
        found,
        tables,
        root_columns,
    })
}

type Begun = (Timestamp, String, Option<String>, Schema);

/// The locks come before the snapshot: a table that is rewritten or truncated between the two would look empty in it.
async fn begin(session: &Session, mapping: &Mapping) -> std::result::Result<Begun, explain::BeginError> {
    let tables: Vec<String> = explain::tables(mapping).iter().map(|name| name.sql()).collect();
    let begin = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = '{LOCK_WAIT}'; \
         LOCK TABLE {} IN ACCESS SHARE MODE; SET LOCAL lock_timeout = 0",
        tables.join(", ")
    );
    let moment = "SELECT pg_catalog.pg_current_snapshot()::text, \
                  (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint, \
                  CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() \
                  ELSE pg_catalog.pg_current_wal_insert_lsn() END::text";
    // Sent together and looked at in order: the first that fails answers first, and fails the others.
    let (_, row, schema) = tokio::try_join!(
        biased;
        async { session.client.batch_execute(&begin).await.map_err(explain::BeginError::lock) },
        async { session.client.query_typed_one(moment, &[]).await.map_err(explain::BeginError::lock) },
        async { schema::read(&session.client).await.map_err(explain::BeginError::Schema) },
    )?;
    let captured_at = Timestamp::from_microsecond(row.get(1)).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok((captured_at, row.get(0), row.get(2), schema))
}

type Tables = (Vec<references::Found>, Vec<TableEntry>, Vec<String>);

async fn all(
    session: &Session,
    request: &Request<'_>,
    schema: &Schema,
    bound: &Bound,
    weddings: &mut [Wedding],
) -> Result<Tables> {
    let plans: Vec<Plan<'_>> =
        bound.tables.iter().enumerate().map(|(at, table)| Plan::new(bound, at, table, "u")).collect();
    let mut prepared = try_join_all(plans.iter().map(|plan| {
        let sql = copy_sql(bound, plan);
        async move { session.prepare(&sql?).await.map_err(|error| lost(plan, error)) }
    }))
    .await?
    .into_iter();
    let by_owner: HashMap<Vec<u8>, usize> =
        weddings.iter().enumerate().map(|(at, wedding)| (line::escape(&wedding.id).into_bytes(), at)).collect();
    let mut progress = Progress { tables: plans.len() as u64, ..Progress::default() };
    // The root alone first: an id that does not exist must not cost a pass over everything.
    let starting: Vec<_> = plans
        .iter()
        .filter_map(|plan| Some((plan, prepared.next()?)))
        .map(|(plan, statement)| async move {
            let copy = session.copy_out_prepared(&statement).await.map_err(|error| lost(plan, error))?;
            Ok::<_, Error>((plan, copy))
        })
        .collect();
    let mut copies = stream::iter(starting).buffered(PIPELINED);
    while let Some(started) = copies.next().await {
        let (plan, copy) = started?;
        let tell = request.options.progress.as_deref();
        let report = |rows: u64, bytes: u64| {
            let told = progress.bytes / PROGRESS_BYTES;
            progress.rows += rows;
            progress.bytes += bytes;
            if let (Some(tell), true) = (tell, progress.bytes / PROGRESS_BYTES > told) {
                tell(progress);
            }
        };
        scan::scan(plan, copy, weddings, &by_owner, report).await?;
        progress.tables_done += 1;
        if let Some(tell) = tell {
            tell(progress);
        }
        if plan.position == 0 {
            let unknown: Vec<String> =
                weddings.iter().filter(|wedding| wedding.root.is_none()).map(|wedding| wedding.id.clone()).collect();
            if !unknown.is_empty() {
                return Err(Error::UnknownWedding { ids: unknown, table: plan.table.name.clone() });
            }
        }
    }
    drop(copies);
    let found = references::read(session, schema, bound, weddings).await?;
    let none = super::RowHasher::new();
    let tables = plans.iter().map(|plan| documents::entry(plan, &none)).collect();
    let root = plans.first().map(|plan| plan.columns.iter().map(|&name| name.to_owned()).collect()).unwrap_or_default();
    Ok((found, tables, root))
}

/// `COPY` of owner, stored columns and extras, ordered by owner and key.
fn copy_sql(bound: &Bound, plan: &Plan<'_>) -> Result<String> {
    let columns: Vec<String> = plan.columns.iter().map(|&name| name.to_owned()).collect();
    let rows = ownership::select_rows(bound, &plan.table.name, Ids::Setting, &columns)
        .map_err(|error| Error::Mapping { problems: vec![error.to_string()] })?;
    if plan.extras.is_empty() {
        return Ok(format!("COPY ({rows}) TO STDOUT"));
    }
    let list: Vec<String> = columns.iter().map(|name| format!("u.{}", quote_ident(name))).collect();
    // A plain projection of an ordered subquery keeps its order.
    Ok(format!(
        "COPY (SELECT u.keepsake_owner, {}, {} FROM ({rows}) u) TO STDOUT",
        list.join(", "),
        plan.extras.join(", ")
    ))
}

pub(super) fn lost(plan: &Plan<'_>, error: crate::connect::Error) -> Error {
    match error {
        crate::connect::Error::Statement { source, .. } => scan::read_error(plan, source),
        other => Error::Connect(other),
    }
}

async fn rollback(session: &Session) -> Result<()> {
    session.client.batch_execute("ROLLBACK").await.map_err(|error| Error::read("the tables of the mapping", error))
}

/// The files that the weddings' rows name now, for comparing with those of the snapshot (safety rule S6).
pub(super) async fn named_files(
    session: &Session,
    bound: &Bound,
    weddings: &[Wedding],
) -> Result<Vec<BTreeSet<(String, String)>>> {
    let mut attempt = 1;
    loop {
        match named_files_once(session, bound, weddings).await {
            Err(Error::Read { source, .. })
                if attempt < LOCK_ATTEMPTS && source.is(&SqlState::LOCK_NOT_AVAILABLE) && !session.is_broken() =>
            {
                attempt += 1;
                rollback(session).await?;
            }
            read => return read,
        }
    }
}

async fn named_files_once(
    session: &Session,
    bound: &Bound,
    weddings: &[Wedding],
) -> Result<Vec<BTreeSet<(String, String)>>> {
    let failed = |source: ServerError| Error::read("the rows that name files, once more", source);
    let canonical: Vec<String> = weddings.iter().map(|wedding| wedding.id.clone()).collect();
    let begin = format!("BEGIN READ ONLY; SET LOCAL lock_timeout = '{LOCK_WAIT}'");
    session.client.batch_execute(&begin).await.map_err(|error| failed(error.into()))?;
    ownership::set_ids(&session.client, &canonical).await.map_err(|error| failed(error.into()))?;
    let mut now: Vec<BTreeSet<(String, String)>> = weddings.iter().map(|_| BTreeSet::new()).collect();
    for table in bound.tables.iter().filter(|table| !table.files.is_empty()) {
        let columns: BTreeSet<&String> = table.files.iter().map(|file| &file.column).collect();
        let columns: Vec<String> = columns.into_iter().cloned().collect();
        let rows = ownership::select_rows(bound, &table.name, Ids::Setting, &columns)
            .map_err(|error| Error::Mapping { problems: vec![error.to_string()] })?;
        let copy = session.copy_out(&format!("COPY ({rows}) TO STDOUT")).await;
        let mut copy = copy.map_err(|error| again(&table.name, error))?;
        let mut lines = scan::Lines::default();
        while let Some(piece) = copy.next().await {
            lines.push(piece.map_err(failed)?);
            for row in lines.by_ref() {
                let mut fields = line::fields(&row);
                let owner = fields.next().and_then(line::value).unwrap_or_default();
                let at = weddings.iter().position(|wedding| wedding.id == owner);
                let values: Vec<_> = fields.map(line::value).collect();
                if let Some(now) = at.and_then(|at| now.get_mut(at)) {
                    scan::name_files(table, &columns, &values, now);
                }
            }
        }
    }
    session.client.batch_execute("COMMIT").await.map_err(|error| failed(error.into()))?;
    Ok(now)
}

fn again(table: &TableName, error: crate::connect::Error) -> Error {
    match error {
        crate::connect::Error::Statement { source, .. } => {
            Error::read(format!("the rows of {table} that name files, once more"), source)
        }
        other => Error::Connect(other),
    }
}
