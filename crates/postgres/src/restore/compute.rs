//! From capture and live rows to the work: every row is the same, missing, different or extra; the mode says what
//! follows; then ownership, references and unique values take out what must not be touched.

use super::{
    Error, Request, adopt,
    conflict::{Conflict, ConflictKind},
    convert,
    frame::Frame,
    live::{self, Copies, LiveRow, Locks},
    owners::{self, Owners},
    plan::WritePath,
    read::{self, KEYS_PER_STATEMENT, captured_rows, copy, tuples_sql},
    resolve,
    row::{Key, Line, decode},
    work::{Left, TableWork, Target, Update, Whose, Work},
};
use crate::{
    capture::{Manifest, Source},
    schema::{TableName, quote_ident, quote_literal},
};
use keepsake_domain::restore::{ConflictRule, Mode};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::Transaction;

/// Everything a computation reads.
pub(crate) struct Inputs<'a> {
    pub tx: &'a Transaction<'a>,
    pub frame: &'a Frame<'a>,
    pub source: &'a dyn Source,
    pub manifest: &'a Manifest,
    pub request: &'a Request,
    /// Whether rows are locked as they are read.
    pub locks: Locks,
    /// How rows will be written. Where the server checks foreign keys it locks parents itself, for which this role may lack
    /// the right.
    pub path: WritePath,
}

/// Captured rows of one table, in target layout.
#[derive(Default)]
struct Captured {
    rows: HashMap<Key, Line>,
    /// Rows that the restore to be undone took from other weddings, as they were: they go back to them.
    taken: HashMap<Key, Line>,
}

/// Decides everything.
pub(crate) async fn compute(inputs: &Inputs<'_>) -> Result<Work, Error> {
    let frame = inputs.frame;
    let wedding = canonical_id(inputs).await?;
    if inputs.manifest.wedding.id != wedding && inputs.manifest.wedding.id != inputs.request.wedding {
        return Err(Error::OtherWedding { found: inputs.manifest.wedding.id.clone(), wanted: wedding });
    }
    let mut work = Work {
        wedding: wedding.clone(),
        root_exists: false,
        tables: frame.tables.iter().map(|_| TableWork::default()).collect(),
        refusals: Vec::new(),
    };
    let mut held = Held { bytes: 0, limit: inputs.request.limits.held_bytes };
    let mut captured = load_captured(inputs, &mut work, &mut held).await?;
    let mode = inputs.request.mode;
    live::owned(inputs.tx, frame, &wedding, inputs.locks, |table, row| {
        work.root_exists |= table == frame.root;
        classify(frame, mode, table, row, work.table_mut(table), captured.get_mut(&table), &mut held)
    })
    .await?;
    settle_missing(inputs, &mut work, captured, &mut held).await?;
    check_owners(inputs, &mut work).await?;
    refuse_unfillable(frame, &mut work);
    if !work.root_exists && !inputs.request.scope.contains(keepsake_domain::Group::Wedding) {
        work.refusals.push("the wedding's own row is gone: restore the group `wedding` too".to_owned());
    }
    resolve::resolve(inputs, &mut work).await?;
    adopt::adopt(inputs, &mut work).await?;
    Ok(work)
}

/// Counts bytes of rows that stay in memory.
pub(crate) struct Held {
    bytes: u64,
    limit: u64,
}

impl Held {
    fn add(&mut self, frame: &Frame<'_>, table: usize, line: &Line) -> Result<(), Error> {
        self.bytes += line.bytes().len() as u64 + 64;
        if self.bytes > self.limit {
            return Err(Error::TooLarge { table: frame.table(table).live.name.clone(), limit_bytes: self.limit });
        }
        Ok(())
    }

    fn free(&mut self, line: &Line) {
        self.bytes = self.bytes.saturating_sub(line.bytes().len() as u64 + 64);
    }
}

/// The wedding's id as the server writes it: `0042` is 42, UUIDs are lower case.
async fn canonical_id(inputs: &Inputs<'_>) -> Result<String, Error> {
    let root = inputs.frame.table(inputs.frame.root);
    let id_type = root.live.column(&inputs.frame.mapping.wedding.id).map_or("text", |column| column.type_name.as_str());
    let mut id = None;
    let query = format!("SELECT {}::{id_type}", quote_literal(&inputs.request.wedding));
    copy(inputs.tx, "reading the wedding's id", &query, |line| {
        id = decode(line.bytes())?;
        Ok(())
    })
    .await?;
    id.ok_or_else(|| Error::Refused(vec!["the wedding's id is empty".to_owned()]))
}

async fn load_captured(
    inputs: &Inputs<'_>,
    work: &mut Work,
    held: &mut Held,
) -> Result<BTreeMap<usize, Captured>, Error> {
    let frame = inputs.frame;
    let mut captured = BTreeMap::new();
    for index in frame.in_scope() {
        let table = frame.table(index);
        let Some(entry) = table.entry else { continue };
        let positions: Vec<usize> = table.common.iter().map(|(_, captured)| *captured).collect();
        let mut lines = Vec::new();
        captured_rows(inputs.source, &entry.path, entry.columns.len(), |line| {
            let target = line.project(&positions);
            held.add(frame, index, &target)?;
            lines.push(target);
            Ok(())
        })
        .await?;
        if !table.drift.retyped.is_empty()
            && let Err(reasons) = convert::convert(inputs.tx, table, &mut lines).await?
        {
            // Unconverted values cannot even be looked up: the table takes no part in the rest.
            work.refusals.extend(reasons);
            continue;
        }
        let mut rows = HashMap::with_capacity(lines.len());
        let mut copies = Copies::default();
        for line in lines {
            let key = if table.keyless() { copies.key(&line) } else { line.project(&table.key) };
            if rows.insert(key, line).is_some() {
                return Err(same_key(&table.live.name, "captured"));
            }
        }
        if rows.len() as u64 != entry.rows {
            let reason = format!("{} rows where the manifest says {}", rows.len(), entry.rows);
            return Err(Error::Corrupt { path: entry.path.clone(), reason });
        }
        work.table_mut(index).captured_rows = entry.rows;
        captured.insert(index, Captured { rows, taken: HashMap::new() });
    }
    load_taken(inputs, &mut captured).await?;
    Ok(captured)
}

/// Rows in the spool of the restore that is being undone.
async fn load_taken(inputs: &Inputs<'_>, captured: &mut BTreeMap<usize, Captured>) -> Result<(), Error> {
    for entry in read::taken(inputs.source).await? {
        let Some(index) = inputs.frame.position(&entry.name) else { continue };
        let Some(rows) = captured.get_mut(&index) else { continue };
        let table = inputs.frame.table(index);
        let names = table.target_columns().map(|column| entry.columns.iter().position(|name| *name == column.name));
        let Some(positions) = names.collect::<Option<Vec<usize>>>() else { continue };
        captured_rows(inputs.source, &entry.path, entry.columns.len(), |line| {
            let target = line.project(&positions);
            rows.taken.insert(target.project(&table.key), target);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

fn classify(
    frame: &Frame<'_>,
    mode: Mode,
    index: usize,
    row: LiveRow,
    work: &mut TableWork,
    captured: Option<&mut Captured>,
    held: &mut Held,
) -> Result<(), Error> {
    let table = frame.table(index);
    if !work.owned.insert(row.key.clone()) {
        return Err(same_key(&table.live.name, "live"));
    }
    let Some(captured) = captured else { return Ok(()) };
    let now = row.line.project(&table.live_projection());
    work.live_sum.add(&table.stored(&row.line));
    work.owned_sum.add(&now);
    match captured.rows.remove(&row.key) {
        Some(target) if target == now => {
            held.free(&target);
            work.same += 1;
        }
        Some(line) => {
            let changed = differing(&now, &line);
            held.add(frame, index, &row.line)?;
            if mode == Mode::Merge {
                held.free(&line);
                work.left.insert(row.key, Left { changed, live: now });
            } else {
                let moved = changed.iter().any(|position| table.partition.contains(position));
                let target = Target { line, nulled: Vec::new() };
                let kind = Whose::Ours;
                let update = Update { live: row.clone(), target, changed, moved, parked: BTreeSet::new(), whose: kind };
                work.update.insert(row.key, update);
            }
        }
        None if mode != Mode::Merge && captured.taken.contains_key(&row.key) => {
            let line = captured.taken.remove(&row.key).unwrap_or_default();
            let changed = differing(&now, &line);
            let moved = changed.iter().any(|position| table.partition.contains(position));
            let target = Target { line, nulled: Vec::new() };
            let kind = Whose::Returned;
            let update = Update { live: row.clone(), target, changed, moved, parked: BTreeSet::new(), whose: kind };
            work.update.insert(row.key, update);
        }
        None => {
            held.add(frame, index, &row.line)?;
            if mode == Mode::Exact {
                work.delete.insert(row.key.clone(), row);
            } else {
                work.left.insert(row.key, Left { changed: Vec::new(), live: now });
            }
        }
    }
    Ok(())
}

fn same_key(table: &TableName, where_found: &str) -> Error {
    Error::Refused(vec![format!(
        "{table}: two {where_found} rows have the same key; name columns that identify a row in the mapping, or all columns \
         (key = [...])"
    )])
}

/// Positions at which two lines of one layout differ.
pub(crate) fn differing(one: &Line, other: &Line) -> Vec<usize> {
    one.fields().zip(other.fields()).enumerate().filter(|(_, (a, b))| a != b).map(|(position, _)| position).collect()
}

/// Captured rows that the wedding does not have: missing, or someone else's by now.
async fn settle_missing(
    inputs: &Inputs<'_>,
    work: &mut Work,
    captured: BTreeMap<usize, Captured>,
    held: &mut Held,
) -> Result<(), Error> {
    let frame = inputs.frame;
    for (index, Captured { rows, .. }) in captured {
        let table = frame.table(index);
        let keys: Vec<Key> = if table.keyless() { Vec::new() } else { rows.keys().cloned().collect() };
        let elsewhere = by_key(inputs.tx, frame, index, &keys).await?;
        let owners = if elsewhere.is_empty() {
            HashMap::new()
        } else {
            owners::owners(inputs.tx, frame, index, &elsewhere, inputs.locks).await?
        };
        let mut found: HashMap<Key, LiveRow> = elsewhere.into_iter().map(|row| (row.key.clone(), row)).collect();
        for (key, line) in rows {
            let target = Target { line, nulled: Vec::new() };
            let Some(live) = found.remove(&key) else {
                work.table_mut(index).insert.insert(key, target);
                continue;
            };
            held.add(frame, index, &live.line)?;
            let owners = owners.get(&key).cloned().unwrap_or_default();
            settle_elsewhere(inputs, work.table_mut(index), index, live, target, &owners);
        }
    }
    Ok(())
}

/// A captured row that lives on outside this wedding.
fn settle_elsewhere(
    inputs: &Inputs<'_>,
    work: &mut TableWork,
    index: usize,
    live: LiveRow,
    target: Target,
    owners: &Owners,
) {
    let table = inputs.frame.table(index);
    let kind = match owners.len() {
        0 => ConflictKind::OwnedByNobody,
        1 => ConflictKind::OwnedElsewhere,
        more => ConflictKind::Shared { owners: more as u64 },
    };
    let take = inputs.request.conflicts == ConflictRule::Take && owners.len() < 2;
    let key = live.key.clone();
    let changed = differing(&live.line.project(&table.live_projection()), &target.line);
    if !take && owners.is_empty() && changed.is_empty() {
        work.orphans.insert(key);
        return;
    }
    if !take {
        work.conflicts.insert(key, Conflict { change: "update", kind });
        return;
    }
    let moved = changed.iter().any(|position| table.partition.contains(position));
    work.update.insert(key, Update { live, target, changed, moved, parked: BTreeSet::new(), whose: Whose::Taken });
}

/// Live rows by key, whoever owns them.
pub(crate) async fn by_key(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    index: usize,
    keys: &[Key],
) -> Result<Vec<LiveRow>, Error> {
    let table = frame.table(index);
    let columns: Vec<_> = table.live_key.iter().filter_map(|position| table.columns.get(*position)).collect();
    let on: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(number, column)| format!("t.{} = k.k{number}::{}", quote_ident(&column.name), column.type_name))
        .collect();
    let mut found = Vec::new();
    for chunk in keys.chunks(KEYS_PER_STATEMENT) {
        let query = format!(
            "SELECT {} FROM {} JOIN {} t ON {}",
            table.select_list("t"),
            tuples_sql("k", columns.len(), chunk)?,
            table.only(),
            on.join(" AND ")
        );
        copy(tx, &format!("looking rows up in {}", table.live.name), &query, |line| {
            found.push(LiveRow { key: line.project(&table.live_key), line });
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

/// Rows that are this wedding's, but not its alone, are never changed or removed.
async fn check_owners(inputs: &Inputs<'_>, work: &mut Work) -> Result<(), Error> {
    let frame = inputs.frame;
    for index in frame.in_scope().filter(|index| !frame.table(*index).sole_owner) {
        let table = work.table(index);
        let updates =
            table.update.values().filter(|update| update.whose != Whose::Taken).map(|update| update.live.clone());
        let touched: Vec<LiveRow> = updates.chain(table.delete.values().cloned()).collect();
        if touched.is_empty() {
            continue;
        }
        let owners = owners::owners(inputs.tx, frame, index, &touched, inputs.locks).await?;
        let shared: Vec<(Key, u64)> = owners
            .into_iter()
            .filter(|(_, owners)| owners.len() > 1)
            .map(|(key, owners)| (key, owners.len() as u64))
            .collect();
        for (key, owners) in shared {
            work.table_mut(index).give_up(&key, ConflictKind::Shared { owners });
        }
    }
    Ok(())
}

fn refuse_unfillable(frame: &Frame<'_>, work: &mut Work) {
    for index in frame.in_scope() {
        let (table, rows) = (frame.table(index), work.table(index).insert.len());
        if rows > 0 && !table.drift.unfillable.is_empty() {
            work.refusals.push(format!(
                "{}: {rows} rows are missing, but the new column {} must have a value, has no default and is not in the \
                 capture: give it a default, or leave the group {} out",
                table.live.name,
                table.drift.unfillable.join(", "),
                table.group
            ));
        }
    }
}

/// Every distinct value of `lines`, for lookups.
pub(crate) fn distinct(lines: impl Iterator<Item = Line>) -> Vec<Line> {
    let set: HashSet<Line> = lines.collect();
    let mut list: Vec<Line> = set.into_iter().collect();
    list.sort_unstable();
    list
}
