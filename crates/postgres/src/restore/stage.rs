//! Rows on their way into live, as temporary tables filled by `COPY`. Their columns have the live columns' types, so the
//! server checks every value before a live row is touched; they vanish with the transaction.

use super::{
    Error,
    frame::FrameTable,
    plan::WritePath,
    row::Line,
    work::{TableWork, Update},
};
use crate::schema::{Column, quote_ident};
use bytes::Bytes;
use futures::SinkExt;
use std::{collections::BTreeMap, pin::pin};
use tokio_postgres::Transaction;

/// Distinct sets of changed columns that get a statement each; rows beyond share one over all their columns, which
/// writes unchanged columns back as they are.
const MAX_SETS: usize = 24;
/// Bytes sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Column of a stage that says which set of columns a row changes.
pub(crate) const SET: &str = "\"keepsake$set\"";
/// Columns of a stage that say where a row without identity is.
pub(crate) const PLACE: (&str, &str) = ("\"keepsake$table\"", "\"keepsake$ctid\"");

/// What of one table is staged.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    pub deletes: u64,
    /// Distinct sets of changed columns, as positions in target layout, with their number of rows.
    pub sets: Vec<(Vec<usize>, u64)>,
    pub inserts: u64,
    /// Rows that are deleted and inserted again, in live layout.
    pub rewrites: u64,
}

/// Name of a stage, for SQL.
pub(crate) fn name(kind: &str, index: usize) -> String {
    format!("pg_temp.\"keepsake_{kind}{index}\"")
}

/// Stages one table's work.
pub(crate) async fn stage(
    tx: &Transaction<'_>,
    table: &FrameTable<'_>,
    index: usize,
    work: &TableWork,
    path: WritePath,
) -> Result<Staged, Error> {
    let mut staged = Staged::default();
    let rewritten = |update: &&Update| path == WritePath::Replica && update.rewritten();
    // A row that is taken back with its parent may differ in nothing that is written.
    let written = work.update.values().filter(|update| !update.changed.is_empty());
    let (rewrites, updates): (Vec<&Update>, Vec<&Update>) = written.partition(|update| rewritten(update));
    let targets: Vec<&Column> = table.target_columns().collect();

    let gone = work.delete.values().map(|row| &row.line).chain(rewrites.iter().map(|update| &update.live.line));
    let gone: Vec<Line> = gone.map(|line| key_line(table, line)).collect();
    if !gone.is_empty() {
        staged.deletes = gone.len() as u64;
        create(tx, table, &name("d", index), &key_columns(table)).await?;
        fill(tx, &name("d", index), gone.into_iter()).await?;
    }
    if !updates.is_empty() {
        let mut columns = vec![format!("0 AS {SET}")];
        columns.extend(names(&targets));
        create(tx, table, &name("u", index), &columns.join(", ")).await?;
        staged.sets = sets(&updates);
        let numbered = updates.iter().map(|update| {
            let set = staged.sets.iter().position(|(set, _)| *set == update.changed);
            let set = set.unwrap_or(staged.sets.len().saturating_sub(1)).to_string();
            Line::from_fields(std::iter::once(set.as_bytes()).chain(update.target.line.fields()))
        });
        fill(tx, &name("u", index), numbered).await?;
    }
    if !work.insert.is_empty() {
        staged.inserts = work.insert.len() as u64;
        create(tx, table, &name("i", index), &names(&targets).join(", ")).await?;
        fill(tx, &name("i", index), work.insert.values().map(|target| target.line.clone())).await?;
    }
    if !rewrites.is_empty() {
        staged.rewrites = rewrites.len() as u64;
        create(tx, table, &name("r", index), &names(&table.columns).join(", ")).await?;
        fill(tx, &name("r", index), rewrites.iter().map(|update| whole_row(table, update))).await?;
    }
    Ok(staged)
}

/// The row as it will be, with what it has in columns that the capture does not know.
fn whole_row(table: &FrameTable<'_>, update: &Update) -> Line {
    let mut fields = update.live.line.split();
    fields.truncate(table.columns.len());
    for ((live, _), value) in table.common.iter().zip(update.target.line.fields()) {
        if let Some(field) = fields.get_mut(*live) {
            *field = value;
        }
    }
    Line::from_fields(fields)
}

/// Sets of changed columns with their rows; the last one takes what is beyond [`MAX_SETS`].
fn sets(updates: &[&Update]) -> Vec<(Vec<usize>, u64)> {
    let mut counted: BTreeMap<&Vec<usize>, u64> = BTreeMap::new();
    for update in updates {
        *counted.entry(&update.changed).or_default() += 1;
    }
    let mut sets: Vec<(Vec<usize>, u64)> = counted.into_iter().map(|(set, rows)| (set.clone(), rows)).collect();
    sets.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    if sets.len() > MAX_SETS {
        let rest = sets.split_off(MAX_SETS - 1);
        let rows = rest.iter().map(|(_, rows)| rows).sum();
        let mut all: Vec<usize> = rest.into_iter().flat_map(|(set, _)| set).collect();
        all.sort_unstable();
        all.dedup();
        sets.push((all, rows));
    }
    sets
}

fn names(columns: &[&Column]) -> Vec<String> {
    columns.iter().map(|column| format!("t.{}", quote_ident(&column.name))).collect()
}

fn key_columns(table: &FrameTable<'_>) -> String {
    if table.keyless() {
        return format!("t.tableoid AS {}, t.ctid AS {}", PLACE.0, PLACE.1);
    }
    let columns: Vec<&Column> = table.live_key.iter().filter_map(|at| table.columns.get(*at).copied()).collect();
    names(&columns).join(", ")
}

fn key_line(table: &FrameTable<'_>, live: &Line) -> Line {
    let stored = table.columns.len();
    if table.keyless() { live.project(&[stored, stored + 1]) } else { live.project(&table.live_key) }
}

async fn create(tx: &Transaction<'_>, table: &FrameTable<'_>, stage: &str, columns: &str) -> Result<(), Error> {
    let sql = format!(
        "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {columns} FROM {} t WITH NO DATA",
        stage.trim_start_matches("pg_temp."),
        table.live.name.sql()
    );
    tx.batch_execute(&sql).await.map_err(Error::database(format!("preparing rows of {}", table.live.name)))
}

/// Copies lines into a table of ours and lets the planner know how many there are.
pub(crate) async fn fill(tx: &Transaction<'_>, table: &str, lines: impl Iterator<Item = Line>) -> Result<(), Error> {
    let what = || Error::database(format!("copying rows into {table}"));
    let sink = tx.copy_in::<_, Bytes>(&format!("COPY {table} FROM STDIN")).await.map_err(what())?;
    let mut sink = pin!(sink);
    let mut buffer = Vec::with_capacity(CHUNK_BYTES);
    for line in lines {
        buffer.extend_from_slice(line.bytes());
        buffer.push(b'\n');
        if buffer.len() >= CHUNK_BYTES {
            sink.send(Bytes::from(std::mem::take(&mut buffer))).await.map_err(what())?;
        }
    }
    sink.send(Bytes::from(buffer)).await.map_err(what())?;
    sink.finish().await.map_err(what())?;
    tx.batch_execute(&format!("ANALYZE {table}")).await.map_err(what())
}
