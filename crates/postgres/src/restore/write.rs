//! Writing: one statement for all tables, deletes before updates before inserts.
//!
//! In one statement the server checks foreign keys at its end, so cycles and self references need no order; unique indexes
//! are checked row by row, so what frees a value comes first. Each step waits for the one before by reading its count.
//! Rows are inserted or updated by key under the locks taken before, never upserted: an upsert would silently take back a
//! row that moved to another wedding (safety rule S1). Nothing here needs more than ROW EXCLUSIVE on a live table.

use super::{
    Error,
    frame::{Frame, FrameTable},
    plan::WritePath,
    stage::{PLACE, SET, Staged, name, stage},
    work::Work,
};
use crate::schema::quote_ident;
use std::collections::BTreeMap;
use tokio_postgres::Transaction;

/// Writes the work, and checks that every statement touched as many rows as planned.
pub(crate) async fn write(
    tx: &Transaction<'_>,
    work: &mut Work,
    frame: &Frame<'_>,
    path: WritePath,
) -> Result<(), Error> {
    loop {
        tx.batch_execute("SAVEPOINT keepsake_write").await.map_err(Error::database("beginning to write"))?;
        match attempt(tx, work, frame, path).await {
            Ok(()) => {
                let release = "RELEASE SAVEPOINT keepsake_write";
                return tx.batch_execute(release).await.map_err(Error::database("ending to write"));
            }
            Err(error) if path == WritePath::Replica && park_table(frame, work, &error) => {
                let back = "ROLLBACK TO SAVEPOINT keepsake_write";
                tx.batch_execute(back).await.map_err(Error::database("writing again"))?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// After a collision that no lookup foresaw (an exclusion constraint), all updates of that table are written in two steps.
/// False if that was done already, or is no remedy.
fn park_table(frame: &Frame<'_>, work: &mut Work, error: &Error) -> bool {
    let Error::Database { source, .. } = error else { return false };
    if !matches!(source.code.as_deref(), Some("23505" | "23P01")) {
        return false;
    }
    let named = |live: &crate::schema::TableName| source.table.as_ref() == Some(live);
    let index = frame.in_scope().find(|index| {
        // A partition's error names the partition.
        let live = &frame.table(*index).live.name;
        named(live)
            || frame.schema.tables.values().any(|other| {
                named(&other.name)
                    && matches!(&other.kind, crate::schema::TableKind::Partition { root } if root == live)
            })
    });
    let Some(index) = index else { return false };
    let mut any = false;
    for update in work.table_mut(index).update.values_mut().filter(|update| !update.rewritten()) {
        update.parked.extend(update.changed.iter().copied());
        any |= update.rewritten();
    }
    any
}

async fn attempt(tx: &Transaction<'_>, work: &Work, frame: &Frame<'_>, path: WritePath) -> Result<(), Error> {
    let mut staged: BTreeMap<usize, Staged> = BTreeMap::new();
    for index in frame.in_scope() {
        staged.insert(index, stage(tx, frame.table(index), index, work.table(index), path).await?);
    }
    let setting = match path {
        WritePath::Replica => "SET LOCAL session_replication_role = replica",
        _ => "SET CONSTRAINTS ALL DEFERRED",
    };
    tx.batch_execute(setting).await.map_err(Error::database("preparing to write"))?;
    if path == WritePath::Checked {
        park_by_null(tx, work, frame).await?;
    }
    let (sql, expected) = statement(frame, &staged);
    if !expected.is_empty() {
        let row = tx.query_typed_one(&sql, &[]).await.map_err(Error::database("writing the rows"))?;
        let wrong: Vec<String> = expected
            .iter()
            .enumerate()
            .filter_map(|(number, (what, rows))| {
                let touched: i64 = row.get(number);
                let touched = u64::try_from(touched).unwrap_or_default();
                (touched != *rows).then(|| format!("{what}: {touched} rows instead of {rows}"))
            })
            .collect();
        if !wrong.is_empty() {
            return Err(Error::ProofFailed(wrong));
        }
    }
    let setting = match path {
        WritePath::Replica => "SET LOCAL session_replication_role = origin",
        // Whatever was deferred is checked now, before the proof.
        _ => "SET CONSTRAINTS ALL IMMEDIATE",
    };
    tx.batch_execute(setting).await.map_err(Error::database("checking deferred constraints"))
}

/// The statement, and what each of its result columns must count.
fn statement(frame: &Frame<'_>, staged: &BTreeMap<usize, Staged>) -> (String, Vec<(String, u64)>) {
    let mut steps = Steps::default();
    for (index, staged) in staged.iter().rev().filter(|(_, staged)| staged.deletes > 0) {
        let table = frame.table(*index);
        let sql = format!("DELETE FROM {} t USING {} s WHERE {}", table.only(), name("d", *index), by_key(table));
        steps.push(format!("deleting from {}", table.live.name), sql, "", staged.deletes);
    }
    steps.next();
    for (index, staged) in staged {
        let table = frame.table(*index);
        for (number, (set, rows)) in staged.sets.iter().enumerate() {
            let columns: Vec<String> = set
                .iter()
                .filter_map(|at| table.target_column(*at))
                .map(|column| format!("{0} = s.{0}", quote_ident(&column.name)))
                .collect();
            let sql = format!(
                "UPDATE {} t SET {} FROM {} s WHERE s.{SET} = {number} AND {}",
                table.only(),
                columns.join(", "),
                name("u", *index),
                by_key(table)
            );
            steps.push(format!("updating {}", table.live.name), sql, " AND ", *rows);
        }
    }
    steps.next();
    for (index, staged) in staged {
        let table = frame.table(*index);
        let common: Vec<String> = table.target_columns().map(|column| quote_ident(&column.name)).collect();
        let all: Vec<String> = table.columns.iter().map(|column| quote_ident(&column.name)).collect();
        for (kind, columns, rows) in [("i", common, staged.inserts), ("r", all, staged.rewrites)] {
            if rows > 0 {
                let columns = columns.join(", ");
                let target = table.live.name.sql();
                let from = name(kind, *index);
                let sql =
                    format!("INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {from}");
                steps.push(format!("inserting into {}", table.live.name), sql, " WHERE ", rows);
            }
        }
    }
    steps.finish()
}

/// Common table expressions in steps, each waiting for the step before.
#[derive(Default)]
struct Steps {
    ctes: Vec<String>,
    counts: Vec<String>,
    expected: Vec<(String, u64)>,
    /// The count over all steps before this one.
    barrier: Option<String>,
}

impl Steps {
    /// Adds a change; `joint` continues its conditions.
    fn push(&mut self, what: String, sql: String, joint: &str, rows: u64) {
        let number = self.expected.len();
        let wait = match &self.barrier {
            Some(barrier) if !joint.is_empty() => format!("{joint}(SELECT n FROM {barrier}) >= 0"),
            _ => String::new(),
        };
        self.ctes.push(format!("w{number} AS ({sql}{wait} RETURNING 1)"));
        self.counts.push(format!("(SELECT count(*) FROM w{number})"));
        self.expected.push((what, rows));
    }

    fn next(&mut self) {
        if self.counts.is_empty() {
            return;
        }
        let barrier = format!("b{}", self.ctes.len());
        self.ctes.push(format!("{barrier} AS (SELECT {} AS n)", self.counts.join(" + ")));
        self.barrier = Some(barrier);
    }

    fn finish(self) -> (String, Vec<(String, u64)>) {
        (format!("WITH {} SELECT {}", self.ctes.join(", "), self.counts.join(", ")), self.expected)
    }
}

fn by_key(table: &FrameTable<'_>) -> String {
    if table.keyless() {
        return format!("t.tableoid = s.{} AND t.ctid = s.{}", PLACE.0, PLACE.1);
    }
    let columns = table.live_key.iter().filter_map(|at| table.columns.get(*at));
    let equal: Vec<String> = columns.map(|column| format!("t.{0} = s.{0}", quote_ident(&column.name))).collect();
    equal.join(" AND ")
}

/// With triggers and foreign keys live, a row cannot be deleted and inserted again without consequences; a unique value that
/// another row needs is set to NULL first, where the column allows it.
async fn park_by_null(tx: &Transaction<'_>, work: &Work, frame: &Frame<'_>) -> Result<(), Error> {
    for index in frame.in_scope() {
        let table = frame.table(index);
        let mut parked: BTreeMap<usize, Vec<super::row::Line>> = BTreeMap::new();
        for update in work.table(index).update.values().filter(|update| !update.parked.is_empty()) {
            let free = update.changed.iter().copied().find(|at| {
                update.parked.contains(at) && table.target_column(*at).is_some_and(|column| !column.not_null)
            });
            let column = free.ok_or_else(|| {
                Error::NeedsReplicaRole(format!(
                    "rows of {} exchange values of a unique index whose columns cannot be NULL in between",
                    table.live.name
                ))
            })?;
            parked.entry(column).or_default().push(update.live.key.clone());
        }
        for (position, keys) in parked {
            let Some(column) = table.target_column(position) else { continue };
            let stage = name("p", index * 1_000 + position);
            let columns: Vec<String> =
                table.live_key.iter().filter_map(|at| table.columns.get(*at)).map(|c| quote_ident(&c.name)).collect();
            let create = format!(
                "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} t WITH NO DATA",
                stage.trim_start_matches("pg_temp."),
                columns.join(", "),
                table.live.name.sql()
            );
            let what = || Error::database(format!("freeing unique values of {}", table.live.name));
            tx.batch_execute(&create).await.map_err(what())?;
            super::stage::fill(tx, &stage, keys.into_iter()).await?;
            let sql = format!(
                "UPDATE {} t SET {} = NULL FROM {stage} s WHERE {}",
                table.only(),
                quote_ident(&column.name),
                by_key(table)
            );
            tx.batch_execute(&sql).await.map_err(what())?;
        }
    }
    Ok(())
}
