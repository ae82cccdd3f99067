//! Rows that stay and refer to a row that is to go, or to a value that is to change: then it may not (a cascade, or an
//! orphan, would reach beyond the plan).

use super::{
    Error,
    compute::Inputs,
    conflict::ConflictKind,
    frame::only,
    owners::numbered,
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    resolve::{deletes_by_reference, reference_columns},
    row::{Key, Line},
    work::Work,
};
use crate::schema::{ForeignKey, TableName, quote_ident};
use std::collections::BTreeMap;

/// Referring rows counted for one row at most.
const MAX_COUNTED: u64 = 1_000;

/// Gives up deletes and key changes that rows which stay refer to.
pub(crate) async fn keep_referenced(inputs: &Inputs<'_>, work: &mut Work) -> Result<(), Error> {
    let frame = inputs.frame;
    for index in frame.in_scope() {
        for key in frame.keys_to(index) {
            let going = going(inputs, work, index, key);
            if going.is_empty() {
                continue;
            }
            let (tuples, rows): (Vec<Line>, Vec<Key>) = going.into_iter().unzip();
            let staying = match frame.position(&key.from).filter(|child| frame.table(*child).in_scope) {
                Some(child) => staying_inside(inputs, work, child, key, &tuples).await?,
                None => staying_outside(inputs, key, &tuples).await?,
            };
            for (number, count) in staying {
                if let Some(row) = rows.get(number) {
                    let kind = ConflictKind::Referenced { by: key.from.clone(), rows: count };
                    work.table_mut(index).give_up(row, kind);
                }
            }
        }
    }
    Ok(())
}

/// Values of the referenced columns that will be gone, each with its row.
fn going(inputs: &Inputs<'_>, work: &Work, index: usize, key: &ForeignKey) -> Vec<(Line, Key)> {
    let table = inputs.frame.table(index);
    let live: Option<Vec<usize>> = key.to_columns.iter().map(|name| table.live_position(name)).collect();
    let Some(live) = live else { return Vec::new() };
    let target: Vec<usize> = key.to_columns.iter().filter_map(|name| table.target_position(name)).collect();
    let work = work.table(index);
    let deletes = work.delete.values().map(|row| (row.line.project(&live), row.key.clone()));
    let updates = work.update.values().filter(|update| update.changed.iter().any(|position| target.contains(position)));
    let updates = updates.map(|update| (update.live.line.project(&live), update.live.key.clone()));
    deletes.chain(updates).filter(|(tuple, _)| !tuple.has_null()).collect()
}

/// Rows of the restored tables that refer to `tuples` and neither go nor point elsewhere afterwards.
async fn staying_inside(
    inputs: &Inputs<'_>,
    work: &Work,
    child: usize,
    key: &ForeignKey,
    tuples: &[Line],
) -> Result<BTreeMap<usize, u64>, Error> {
    let frame = inputs.frame;
    let table = frame.table(child);
    let deletes = deletes_by_reference(frame, work, child);
    let from: Vec<usize> = key.from_columns.iter().filter_map(|name| table.target_position(name)).collect();
    let mut staying: BTreeMap<usize, u64> = BTreeMap::new();
    for (number, chunk) in tuples.chunks(KEYS_PER_STATEMENT).enumerate() {
        let query = format!(
            "SELECT k.n, {} FROM {} JOIN {} t ON {}",
            reference_columns(frame, child, "t"),
            tuples_sql("k", key.to_columns.len(), chunk)?,
            only(frame.schema, &key.from),
            on(inputs, key),
        );
        copy(inputs.tx, &format!("looking for references in {}", key.from), &query, |line| {
            let (row, reference) = numbered(&line)?;
            let goes = deletes.contains_key(&reference);
            let repointed = work
                .table(child)
                .update
                .get(&reference)
                .is_some_and(|update| update.changed.iter().any(|position| from.contains(position)));
            if !goes && !repointed {
                *staying.entry(number * KEYS_PER_STATEMENT + row).or_default() += 1;
            }
            Ok(())
        })
        .await?;
    }
    Ok(staying)
}

/// Rows of all other tables that refer to `tuples`, counted up to a bound.
async fn staying_outside(
    inputs: &Inputs<'_>,
    key: &ForeignKey,
    tuples: &[Line],
) -> Result<BTreeMap<usize, u64>, Error> {
    let mut staying = BTreeMap::new();
    for (number, chunk) in tuples.chunks(KEYS_PER_STATEMENT).enumerate() {
        let query = format!(
            "SELECT k.n, count(*) FROM {} JOIN LATERAL (SELECT 1 FROM {} t WHERE {} LIMIT {MAX_COUNTED}) x ON true GROUP BY k.n",
            tuples_sql("k", key.to_columns.len(), chunk)?,
            only(inputs.frame.schema, &key.from),
            on(inputs, key),
        );
        copy(inputs.tx, &format!("looking for references in {}", key.from), &query, |line| {
            let (row, count) = numbered(&line)?;
            let count = std::str::from_utf8(count.bytes()).ok().and_then(|text| text.parse().ok()).unwrap_or(1);
            staying.insert(number * KEYS_PER_STATEMENT + row, count);
            Ok(())
        })
        .await?;
    }
    Ok(staying)
}

fn on(inputs: &Inputs<'_>, key: &ForeignKey) -> String {
    let sides = key.from_columns.iter().zip(&key.to_columns).enumerate();
    let conditions: Vec<String> = sides
        .map(|(index, (from, to))| format!("t.{} = k.k{index}::{}", quote_ident(from), type_of(inputs, &key.to, to)))
        .collect();
    conditions.join(" AND ")
}

/// The type of a column of any table.
pub(crate) fn type_of<'a>(inputs: &Inputs<'a>, table: &TableName, column: &str) -> &'a str {
    let table = inputs.frame.schema.tables.get(table);
    table.and_then(|table| table.column(column)).map_or("text", |column| column.type_name.as_str())
}
