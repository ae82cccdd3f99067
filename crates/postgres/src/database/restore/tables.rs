//! Rows on their way in, and the proof that they arrived.
//!
//! A table's rows are loaded frozen, in the transaction that truncated it: nobody has to touch them again to mark them as
//! committed or old. That takes one session; a table that is most of the database is loaded by several instead. Rows are
//! read back and compared before indexes exist, while they are still in memory; nothing that is built afterwards
//! changes a row.

use super::{
    super::{
        DataFile, Error, Manifest, Phase, Result, Table,
        rows::{self, Meter, column_list, line},
    },
    source,
};
use crate::{
    capture::{RowHasher, Source},
    connect::{self, Session},
    schema::TableName,
};
use futures::{SinkExt, TryStreamExt};
use std::{cmp::Reverse, collections::BTreeMap, ops::Range, pin::pin};

/// Tables below this size are never loaded by several sessions.
const WORTH_SHARING_BYTES: u64 = 64 * 1024 * 1024;

/// Rows to be loaded by one session.
#[derive(Debug, Clone)]
pub(super) struct Load {
    table: usize,
    files: Range<usize>,
    shared: bool,
    weight: u64,
}

/// Something to be done with loaded rows.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// Read rows of a table back.
    Read {
        /// Index of the table.
        table: usize,
        /// The statement.
        sql: String,
        /// Bytes of heap.
        weight: u64,
    },
    /// Gather statistics of a table and what is below it.
    Analyze(TableName),
}

/// All loads, the heaviest first.
pub(super) fn loads(manifest: &Manifest, workers: usize) -> Vec<Load> {
    let total: u64 = manifest.tables.iter().map(|table| table.size_bytes).sum();
    let share = total / u64::try_from(workers).unwrap_or(1).max(1);
    let mut all = Vec::new();
    for (index, table) in manifest.tables.iter().enumerate().filter(|(_, table)| !table.files.is_empty()) {
        let shared = workers > 1 && table.files.len() > 1 && table.size_bytes > share.max(WORTH_SHARING_BYTES);
        if shared {
            let one = |(at, file): (usize, &DataFile)| Load {
                table: index,
                files: at..at + 1,
                shared,
                weight: file.size_bytes,
            };
            all.extend(table.files.iter().enumerate().map(one));
        } else {
            all.push(Load { table: index, files: 0..table.files.len(), shared, weight: table.size_bytes });
        }
    }
    all.sort_by_key(|load| (Reverse(load.weight), load.table, load.files.start));
    all
}

/// Loads rows; true if the table is now whole.
pub(super) async fn load(
    session: &Session,
    load: &Load,
    manifest: &Manifest,
    source: &dyn Source,
    meter: &Meter,
) -> Result<()> {
    let Some(table) = manifest.tables.get(load.table) else { return Ok(()) };
    let failed = |error: tokio_postgres::Error| Error::rows(&table.name, &error);
    let frozen = !load.shared && table.extension.is_none();
    let mut begin = String::from("BEGIN;");
    if frozen {
        begin.push_str(&format!(" TRUNCATE ONLY {};", table.name.sql()));
    }
    if table.extension.is_some() && session.superuser {
        // The extension's own constraints are there already, and its tables refer to each other in an order unknown here.
        begin.push_str(" SET LOCAL session_replication_role = replica;");
    }
    session.client.batch_execute(&begin).await.map_err(failed)?;
    let options = if frozen { " WITH (FREEZE)" } else { "" };
    let sql = format!("COPY {}{} FROM STDIN{options}", table.name.sql(), column_list(&table.columns));
    for file in table.files.get(load.files.clone()).unwrap_or_default() {
        let found = copy_in(session, &sql, &table.name, file, source, meter).await?;
        if found != file.rows {
            let table = table.name.to_string();
            return Err(Error::Mismatch { table, expected_rows: file.rows, found_rows: found });
        }
    }
    session.client.batch_execute("COMMIT").await.map_err(failed)?;
    if !load.shared {
        meter.table_done();
    }
    Ok(())
}

/// Copies one file in; returns the rows that the server counted.
pub(super) async fn copy_in(
    session: &Session,
    sql: &str,
    name: &TableName,
    file: &DataFile,
    source: &dyn Source,
    meter: &Meter,
) -> Result<u64> {
    let failed = |error: tokio_postgres::Error| Error::rows(name, &error);
    let mut stream = source::open(source, &file.path).await?;
    let mut sink = pin!(session.client.copy_in(sql).await.map_err(failed)?);
    while let Some(chunk) = stream.try_next().await.map_err(source::failed(&file.path))? {
        meter.moved(Phase::Rows, chunk.len());
        if !chunk.is_empty() && sink.feed(chunk).await.is_err() {
            // The server has refused: why, it says at the end.
            break;
        }
    }
    sink.finish().await.map_err(failed)
}

/// Everything to read back and analyse, the heaviest first.
///
/// # Errors
/// [`Error::Server`] if the catalog cannot be read.
pub(super) async fn checks(session: &Session, manifest: &Manifest) -> Result<Vec<Check>> {
    let what = "look at the loaded tables";
    let sql = "SELECT n.nspname::text, c.relname::text, CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid, 'main') END, \
                      c.relispartition \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' \
                     AND n.nspname <> 'information_schema'";
    let rows = session.client.query(sql, &[]).await.map_err(Error::server(what))?;
    let mut sizes = BTreeMap::new();
    let mut all = Vec::new();
    for row in &rows {
        let read =
            || Ok((TableName { schema: row.try_get(0)?, table: row.try_get(1)? }, row.try_get(2)?, row.try_get(3)?));
        let (name, size, partition): (TableName, Option<i64>, bool) = read().map_err(Error::server(what))?;
        // Analysing a partitioned table analyses its partitions; an empty table has no statistics.
        if !partition && size != Some(0) {
            all.push(Check::Analyze(name.clone()));
        }
        if let Some(size) = size {
            sizes.insert(name, u64::try_from(size).unwrap_or(0));
        }
    }
    for (index, table) in manifest.tables.iter().enumerate() {
        let missing = || Error::Mismatch { table: table.name.to_string(), expected_rows: table.rows, found_rows: 0 };
        let size = *sizes.get(&table.name).ok_or_else(missing)?;
        let split = rows::split(&table.name, &table.columns, table.condition.as_deref(), size, session.server_version);
        all.extend(split.into_iter().map(|(sql, weight)| Check::Read { table: index, sql, weight }));
    }
    all.sort_by_key(|check| match check {
        Check::Read { table, weight, .. } => (Reverse(*weight), *table),
        Check::Analyze(_) => (Reverse(0), usize::MAX),
    });
    Ok(all)
}

/// Reads rows back: the sum over them.
pub(super) async fn read(session: &Session, sql: &str) -> Result<RowHasher> {
    let what = "read the restored rows back";
    let mut stream = session.copy_out(sql).await.map_err(|error| match error {
        connect::Error::Statement { source, .. } => Error::from_server(what.to_owned(), source),
        other => Error::Connect(other),
    })?;
    let mut sum = RowHasher::new();
    while let Some(row) = stream.try_next().await.map_err(|error| Error::from_server(what.to_owned(), error))? {
        sum.add(line(&row));
    }
    Ok(sum)
}

/// Gathers statistics.
pub(super) async fn analyze(session: &Session, name: &TableName) -> Result<()> {
    let sql = format!("ANALYZE {}", name.sql());
    session.client.batch_execute(&sql).await.map_err(Error::server(format!("gather statistics of {name}")))
}

/// Compares a table with the capture.
pub(super) fn compare(table: &Table, found: &RowHasher) -> Result<()> {
    if found.rows() == table.rows && found.hex() == table.hash {
        return Ok(());
    }
    Err(Error::Mismatch { table: table.name.to_string(), expected_rows: table.rows, found_rows: found.rows() })
}
