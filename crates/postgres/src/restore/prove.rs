//! The proof, before the commit: live is read again and must be what was planned, row by row; every foreign key touched
//! holds in both directions; every row touched is this wedding's alone.

use super::{
    Error,
    compute::{Inputs, by_key},
    frame::{FrameTable, only},
    live::{self, LiveRow, Locks},
    owners,
    plan::{Downstream, WritePath},
    proof::TableProof,
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    references::type_of,
    row::{Key, Line},
    sum::Sum,
    uniques,
    work::{Whose, Work},
};
use crate::schema::{ForeignKey, quote_ident};
use std::collections::{HashMap, HashSet};

/// What a table holds now.
#[derive(Default)]
struct Now {
    sum: Sum,
    keys: HashSet<Key>,
}

/// Proves the work that was written.
///
/// Where triggers of the application fired, they may have altered or added rows: then every planned row must be there, and
/// tables whose content differs are named.
pub(crate) async fn prove(inputs: &Inputs<'_>, work: &Work, downstream: &Downstream) -> Result<Vec<TableProof>, Error> {
    let frame = inputs.frame;
    let mut now: HashMap<usize, Now> = frame.in_scope().map(|index| (index, Now::default())).collect();
    live::owned(inputs.tx, frame, &work.wedding, Locks::None, |index, row| {
        if let Some(now) = now.get_mut(&index) {
            now.sum.add(&row.line.project(&frame.table(index).live_projection()));
            now.keys.insert(row.key);
        }
        Ok(())
    })
    .await?;
    let triggers = !downstream.triggers_fire.is_empty();
    let (mut proofs, mut wrong) = (Vec::new(), Vec::new());
    let expected = work.expected(frame);
    for index in frame.in_scope() {
        let (table, rows) = (frame.table(index), work.table(index));
        let (Some(now), Some(expected)) = (now.remove(&index), expected.get(&index)) else { continue };
        let altered = now.sum != *expected;
        let (missing, extra) = difference(work, index, &now.keys);
        // Rows of this wedding are locked, so what is too many while triggers fire was added by them.
        if missing > 0 || ((extra > 0 || altered) && !triggers) {
            wrong.push(format!(
                "{}: {missing} rows missing, {extra} too many{}",
                table.live.name,
                if altered && missing + extra == 0 { ", and the content of rows is not what was planned" } else { "" }
            ));
        }
        let references = prove_references(inputs, work, index, &mut wrong).await?;
        prove_owners(inputs, work, index, &mut wrong).await?;
        let hash = now.sum.hex();
        proofs.push(TableProof {
            name: table.live.name.clone(),
            inserted: rows.insert.len() as u64,
            updated: rows.update.values().filter(|update| !update.changed.is_empty()).count() as u64,
            deleted: rows.delete.len() as u64,
            rows: now.sum.rows,
            equals_capture: table.drift.dropped.is_empty() && table.entry.is_some_and(|entry| entry.hash == hash),
            hash,
            references,
            altered,
        });
    }
    prove_deferrable_uniques(inputs, work, &mut wrong).await?;
    if wrong.is_empty() { Ok(proofs) } else { Err(Error::ProofFailed(wrong)) }
}

/// How many planned rows are not there, and how many are that were not planned.
fn difference(work: &Work, index: usize, now: &HashSet<Key>) -> (usize, usize) {
    let rows = work.table(index);
    let taken = rows.update.iter().filter(|(_, update)| update.whose == Whose::Taken).map(|(key, _)| key);
    let gone = |key: &Key| {
        rows.delete.contains_key(key) || rows.update.get(key).is_some_and(|update| update.whose == Whose::Returned)
    };
    let mut planned: HashSet<&Key> = rows.owned.iter().filter(|key| !gone(key)).collect();
    planned.extend(rows.insert.keys().chain(taken));
    let missing = planned.iter().filter(|key| !now.contains(**key)).count();
    let extra = now.iter().filter(|key| !planned.contains(key)).count();
    (missing, extra)
}

/// Checks every foreign key that starts at a row written or ends at a value gone. Returns how many were checked.
async fn prove_references(
    inputs: &Inputs<'_>,
    work: &Work,
    index: usize,
    wrong: &mut Vec<String>,
) -> Result<u64, Error> {
    // The server has checked them itself.
    if inputs.path != WritePath::Replica {
        return Ok(0);
    }
    let (frame, rows, mut checked) = (inputs.frame, work.table(index), 0);
    let table = frame.table(index);
    let written: Vec<Key> = rows.written().cloned().collect();
    for key in frame.keys_from(index).filter(|_| !written.is_empty()) {
        checked += 1;
        let orphans = if table.keyless() {
            let values = rows.insert.values().map(|target| &target.line);
            orphans_of_values(inputs, table, key, values).await?
        } else {
            orphans_by_key(inputs, table, key, &written).await?
        };
        if orphans > 0 {
            wrong.push(format!("{}: {orphans} rows refer to nothing by {}", table.live.name, key.name));
        }
    }
    for key in frame.keys_to(index) {
        let Some(live) = key.to_columns.iter().map(|name| table.live_position(name)).collect::<Option<Vec<usize>>>()
        else {
            continue;
        };
        let changed = |update: &&super::work::Update| {
            let old = update.live.line.project(&live);
            key.to_columns.iter().filter_map(|name| table.target_position(name)).any(|at| update.changed.contains(&at))
                && !old.has_null()
        };
        let old = rows.delete.values().map(|row| row.line.project(&live));
        let old = old.chain(rows.update.values().filter(changed).map(|update| update.live.line.project(&live)));
        let gone: Vec<Line> = old.filter(|tuple| !tuple.has_null()).collect();
        if gone.is_empty() {
            continue;
        }
        checked += 1;
        let orphans = left_behind(inputs, key, &gone).await?;
        if orphans > 0 {
            wrong.push(format!("{}: {orphans} rows refer by {} to rows that are gone", key.from, key.name));
        }
    }
    Ok(checked)
}

/// `NOT EXISTS (parent of c)` and the condition under which a child row must have one.
fn orphan_sql(inputs: &Inputs<'_>, key: &ForeignKey) -> String {
    let pairs = key.from_columns.iter().zip(&key.to_columns);
    let equal: Vec<String> =
        pairs.map(|(from, to)| format!("p.{} = c.{}", quote_ident(to), quote_ident(from))).collect();
    let columns: Vec<String> = key.from_columns.iter().map(|name| format!("c.{}", quote_ident(name))).collect();
    let columns = columns.join(", ");
    // MATCH FULL wants all or nothing, MATCH SIMPLE lets any NULL pass.
    let must =
        if key.match_full { format!("num_nonnulls({columns}) > 0") } else { format!("num_nulls({columns}) = 0") };
    format!(
        "{must} AND NOT EXISTS (SELECT FROM {} p WHERE {})",
        only(inputs.frame.schema, &key.to),
        equal.join(" AND ")
    )
}

async fn orphans_by_key(
    inputs: &Inputs<'_>,
    table: &FrameTable<'_>,
    key: &ForeignKey,
    written: &[Key],
) -> Result<u64, Error> {
    let columns: Vec<_> = table.live_key.iter().filter_map(|at| table.columns.get(*at)).collect();
    let on: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| format!("c.{} = k.k{number}::{}", quote_ident(&column.name), column.type_name))
        .collect();
    let mut orphans = 0;
    for chunk in written.chunks(KEYS_PER_STATEMENT) {
        let query = format!(
            "SELECT count(*) FROM {} JOIN {} c ON {} WHERE {}",
            tuples_sql("k", columns.len(), chunk)?,
            table.only(),
            on.join(" AND "),
            orphan_sql(inputs, key)
        );
        orphans += count(inputs, key, &query).await?;
    }
    Ok(orphans)
}

async fn orphans_of_values(
    inputs: &Inputs<'_>,
    table: &FrameTable<'_>,
    key: &ForeignKey,
    lines: impl Iterator<Item = &Line>,
) -> Result<u64, Error> {
    let from: Option<Vec<usize>> = key.from_columns.iter().map(|name| table.target_position(name)).collect();
    let Some(from) = from else { return Ok(0) };
    let tuples = super::compute::distinct(lines.map(|line| line.project(&from)));
    let typed: Vec<String> = key
        .from_columns
        .iter()
        .enumerate()
        .map(|(number, name)| format!("k.k{number}::{} AS {}", type_of(inputs, &key.from, name), quote_ident(name)))
        .collect();
    let mut orphans = 0;
    for chunk in tuples.chunks(KEYS_PER_STATEMENT) {
        let query = format!(
            "SELECT count(*) FROM (SELECT {} FROM {}) c WHERE {}",
            typed.join(", "),
            tuples_sql("k", from.len(), chunk)?,
            orphan_sql(inputs, key)
        );
        orphans += count(inputs, key, &query).await?;
    }
    Ok(orphans)
}

/// Rows that refer to values which no row has any more.
async fn left_behind(inputs: &Inputs<'_>, key: &ForeignKey, gone: &[Line]) -> Result<u64, Error> {
    let on: Vec<String> = key
        .from_columns
        .iter()
        .zip(&key.to_columns)
        .enumerate()
        .map(|(number, (from, to))| format!("c.{} = k.k{number}::{}", quote_ident(from), type_of(inputs, &key.to, to)))
        .collect();
    let mut orphans = 0;
    for chunk in gone.chunks(KEYS_PER_STATEMENT) {
        let query = format!(
            "SELECT count(*) FROM {} JOIN {} c ON {} WHERE {}",
            tuples_sql("k", key.to_columns.len(), chunk)?,
            only(inputs.frame.schema, &key.from),
            on.join(" AND "),
            orphan_sql(inputs, key)
        );
        orphans += count(inputs, key, &query).await?;
    }
    Ok(orphans)
}

async fn count(inputs: &Inputs<'_>, key: &ForeignKey, query: &str) -> Result<u64, Error> {
    let mut counted = 0;
    copy(inputs.tx, &format!("proving {}", key.name), query, |line| {
        counted = std::str::from_utf8(line.bytes()).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
        Ok(())
    })
    .await?;
    Ok(counted)
}

/// Rows written must be this wedding's alone (safety rule S1). Tables with one owning path were proven by the walk.
async fn prove_owners(inputs: &Inputs<'_>, work: &Work, index: usize, wrong: &mut Vec<String>) -> Result<(), Error> {
    let table = inputs.frame.table(index);
    let rows = work.table(index);
    let ours = |key: &&Key| rows.update.get(*key).is_none_or(|update| update.whose != Whose::Returned);
    let written: Vec<Key> = rows.written().filter(ours).cloned().collect();
    if table.sole_owner || table.keyless() || written.is_empty() {
        return Ok(());
    }
    let rows: Vec<LiveRow> = by_key(inputs.tx, inputs.frame, index, &written).await?;
    let owners = owners::owners(inputs.tx, inputs.frame, index, &rows, Locks::None).await?;
    let alone = |owners: &owners::Owners| owners.len() == 1 && owners.contains(&work.wedding);
    let others = owners.values().filter(|owners| !alone(owners)).count();
    if others > 0 {
        wrong.push(format!("{}: {others} rows written are not this wedding's alone", table.live.name));
    }
    Ok(())
}

/// Deferrable unique constraints are kept by a trigger of the server's, which does not fire in replica role.
async fn prove_deferrable_uniques(inputs: &Inputs<'_>, work: &Work, wrong: &mut Vec<String>) -> Result<(), Error> {
    let frame = inputs.frame;
    for index in uniques::read(inputs.tx, frame, work).await?.iter().filter(|index| index.deferrable) {
        let rows = work.table(index.table);
        let inserted = rows.insert.iter().map(|(key, target)| (key, &target.line));
        let updated = rows.update.iter().map(|(key, update)| (key, &update.target.line));
        let (keys, lines): (Vec<&Key>, Vec<Line>) =
            inserted.chain(updated).map(|(key, line)| (key, line.clone())).unzip();
        let holders = uniques::holders(inputs.tx, frame, index, &lines).await?;
        let twice =
            holders.iter().filter(|(number, holder)| keys.get(*number).is_some_and(|key| *key != holder)).count();
        if twice > 0 && !frame.table(index.table).keyless() {
            wrong.push(format!("{}: {twice} rows share a value of {}", frame.table(index.table).live.name, index.name));
        }
    }
    Ok(())
}
