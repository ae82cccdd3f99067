//! What rows to be written refer to. A parent that neither lives nor comes back makes the reference NULL where the column
//! allows it, else the row a conflict; where only the mapping knows of the reference it may point at nothing, as it may have
//! at the capture, if the row still belongs to the wedding by another. Shared rows are never written (safety rule S5). Parents that stay are locked
//! `FOR KEY SHARE`, so that none can be deleted beside the restore (safety rule S2).

use super::{
    Error,
    compute::{Inputs, differing, distinct},
    conflict::ConflictKind,
    frame::{End, Frame, only},
    live::Locks,
    owners::{numbered, tuple_of},
    plan::WritePath,
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    references::type_of,
    row::{Key, Line, NULL},
    work::{Target, Update, Whose, Work},
};
use crate::schema::{ForeignKey, TableName, quote_ident};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Live parents that were looked up: for each link and value, the parent's key in its table (empty outside the frame).
#[derive(Debug, Default)]
pub(crate) struct Cache(HashMap<(usize, usize, Line), Option<Key>>);

/// Something that a table's rows refer to.
#[derive(Debug)]
struct Link<'a> {
    /// Number among the links of its table.
    number: usize,
    parent_name: &'a TableName,
    /// The parent's position, where it is mapped and read.
    parent: Option<usize>,
    to_columns: Vec<&'a str>,
    via: Via<'a>,
    owning: bool,
}

#[derive(Debug)]
enum Via<'a> {
    /// A constraint, with its columns as positions in a target line.
    Constraint(&'a ForeignKey, Vec<usize>),
    /// An owning edge that only the mapping knows.
    Edge(usize),
}

enum Parent {
    Stands,
    Missing,
    Elsewhere,
}

/// The links without a constraint by which rows of one table point at nothing, by the rows' keys.
type Dangling = HashMap<Key, HashSet<usize>>;

/// Settles the references of every row to be written.
pub(crate) async fn settle_parents(inputs: &Inputs<'_>, work: &mut Work, cache: &mut Cache) -> Result<(), Error> {
    let frame = inputs.frame;
    // Parents first, so that a row given up takes its children with it in the same round.
    for child in frame.in_scope() {
        let links = links(frame, child);
        let mut dangling = Dangling::new();
        for link in &links {
            settle_link(inputs, work, child, link, &links, cache, &mut dangling).await?;
        }
        give_up_unowned(frame, work, child, &links, &dangling)?;
    }
    Ok(())
}

fn links<'a>(frame: &Frame<'a>, child: usize) -> Vec<Link<'a>> {
    let table = frame.table(child);
    let mut links: Vec<Link<'a>> = frame
        .keys_from(child)
        .filter_map(|key| {
            let from: Vec<usize> =
                key.from_columns.iter().map(|name| table.target_position(name)).collect::<Option<_>>()?;
            Some(Link {
                number: 0,
                parent_name: &key.to,
                parent: frame.position(&key.to),
                to_columns: key.to_columns.iter().map(String::as_str).collect(),
                owning: frame.is_owning(key),
                via: Via::Constraint(key, from),
            })
        })
        .collect();
    for (index, edge) in table.up.iter().map(|index| (*index, frame.edge(*index))).filter(|(_, edge)| edge.is_virtual) {
        let parent = frame.table(edge.parent);
        links.push(Link {
            number: 0,
            parent_name: &parent.live.name,
            parent: Some(edge.parent),
            to_columns: edge
                .to
                .iter()
                .filter_map(|at| parent.columns.get(*at))
                .map(|column| column.name.as_str())
                .collect(),
            owning: true,
            via: Via::Edge(index),
        });
    }
    links.iter_mut().enumerate().for_each(|(number, link)| link.number = number);
    links
}

async fn settle_link(
    inputs: &Inputs<'_>,
    work: &mut Work,
    child: usize,
    link: &Link<'_>,
    all: &[Link<'_>],
    cache: &mut Cache,
    dangling: &mut Dangling,
) -> Result<(), Error> {
    let frame = inputs.frame;
    let mut rows: Vec<(Key, Line)> = Vec::new();
    let table = work.table(child);
    for (key, target) in &table.insert {
        rows.extend(tuple(frame, child, link, target)?.map(|tuple| (key.clone(), tuple)));
    }
    // What goes back unwritten to another wedding, or to nobody, hangs on whatever it hangs on.
    let written = |update: &&Update| update.whose != Whose::Returned || !update.changed.is_empty();
    for (key, update) in table.update.iter().filter(|(_, update)| written(update)) {
        let touched = match &link.via {
            Via::Constraint(_, from) => {
                update.whose == Whose::Taken || update.changed.iter().any(|position| from.contains(position))
            }
            Via::Edge(_) => true,
        };
        if touched {
            rows.extend(tuple(frame, child, link, &update.target)?.map(|tuple| (key.clone(), tuple)));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let provided = provided(frame, work, link);
    let unknown = distinct(
        rows.iter()
            .map(|(_, tuple)| tuple.clone())
            .filter(|tuple| !provided.contains(tuple) && !cache.0.contains_key(&(child, link.number, tuple.clone()))),
    );
    look_up(inputs, child, link, unknown, cache).await?;
    for (key, tuple) in rows {
        let live = cache.0.get(&(child, link.number, tuple.clone())).and_then(Option::as_ref);
        match judge(frame, work, link, provided.contains(&tuple), live) {
            Parent::Stands => {}
            // A row that goes back to another wedding hangs on that wedding's rows.
            Parent::Elsewhere if returned(work, child, &key) => {}
            Parent::Elsewhere => {
                let kind = ConflictKind::ParentElsewhere { table: link.parent_name.clone() };
                work.table_mut(child).give_up(&key, kind);
            }
            Parent::Missing if matches!(link.via, Via::Edge(_)) => {
                dangling.entry(key).or_default().insert(link.number);
            }
            Parent::Missing => {
                let positions = nullable(frame, child, link, all);
                if positions.is_empty() {
                    let kind = ConflictKind::ParentMissing { table: link.parent_name.clone() };
                    work.table_mut(child).give_up(&key, kind);
                } else {
                    set_null(work, frame, child, &key, &positions);
                }
            }
        }
    }
    Ok(())
}

fn returned(work: &Work, child: usize, key: &Key) -> bool {
    work.table(child).update.get(key).is_some_and(|update| update.whose == Whose::Returned)
}

/// What a row says of its parent along a link, `None` where it says nothing.
fn tuple(frame: &Frame<'_>, child: usize, link: &Link<'_>, target: &Target) -> Result<Option<Line>, Error> {
    match &link.via {
        Via::Constraint(_, from) => {
            let tuple = target.line.project(from);
            Ok((!tuple.has_null()).then_some(tuple))
        }
        Via::Edge(edge) => {
            let table = frame.table(child);
            let mut fields = vec![NULL; table.columns.len()];
            for ((live, _), value) in table.common.iter().zip(target.line.fields()) {
                if let Some(field) = fields.get_mut(*live) {
                    *field = value;
                }
            }
            tuple_of(frame, *edge, &fields)
        }
    }
}

/// Values of the referenced columns that rows to be written will have.
fn provided(frame: &Frame<'_>, work: &Work, link: &Link<'_>) -> HashSet<Line> {
    let Some(parent) = link.parent.filter(|parent| frame.table(*parent).in_scope) else { return HashSet::new() };
    let table = frame.table(parent);
    let to: Option<Vec<usize>> = link.to_columns.iter().map(|name| table.target_position(name)).collect();
    let Some(to) = to else { return HashSet::new() };
    let rows = work.table(parent);
    let updates = rows.update.values().map(|update| &update.target);
    rows.insert.values().chain(updates).map(|target| target.line.project(&to)).collect()
}

async fn look_up(
    inputs: &Inputs<'_>,
    child: usize,
    link: &Link<'_>,
    tuples: Vec<Line>,
    cache: &mut Cache,
) -> Result<(), Error> {
    let mut found: BTreeMap<usize, Key> = BTreeMap::new();
    let on: Vec<String> = link
        .to_columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let (side, key) = (format!("t.{}", quote_ident(column)), format!("k.k{index}"));
            match link.via {
                Via::Edge(edge) => inputs.frame.equals(edge, index, End::Parent, &side, &key),
                Via::Constraint(..) => format!("{side} = {key}::{}", type_of(inputs, link.parent_name, column)),
            }
        })
        .collect();
    let key = link.parent.map(|parent| super::resolve::reference_columns(inputs.frame, parent, "t"));
    let key = key.map(|columns| format!(", {columns}")).unwrap_or_default();
    let locked = inputs.locks == Locks::ForUpdate && inputs.path == WritePath::Replica;
    let lock = if locked { " FOR KEY SHARE OF t" } else { "" };
    for (number, chunk) in tuples.chunks(KEYS_PER_STATEMENT).enumerate() {
        let query = format!(
            "SELECT k.n{key} FROM {} JOIN {} t ON {}{lock}",
            tuples_sql("k", link.to_columns.len(), chunk)?,
            only(inputs.frame.schema, link.parent_name),
            on.join(" AND ")
        );
        copy(inputs.tx, &format!("looking for parents in {}", link.parent_name), &query, |line| {
            let (row, key) = numbered(&line)?;
            found.insert(number * KEYS_PER_STATEMENT + row, key);
            Ok(())
        })
        .await?;
    }
    for (number, tuple) in tuples.into_iter().enumerate() {
        cache.0.insert((child, link.number, tuple), found.remove(&number));
    }
    Ok(())
}

fn judge(frame: &Frame<'_>, work: &Work, link: &Link<'_>, provided: bool, live: Option<&Key>) -> Parent {
    if provided {
        return Parent::Stands;
    }
    let Some(key) = live else { return Parent::Missing };
    let Some(parent) = link.parent else { return Parent::Stands };
    let rows = work.table(parent);
    let table = frame.table(parent);
    let changes = |changed: &[usize]| {
        changed
            .iter()
            .any(|at| table.target_column(*at).is_some_and(|column| link.to_columns.contains(&column.name.as_str())))
    };
    if rows.delete.contains_key(key) || rows.update.get(key).is_some_and(|update| changes(&update.changed)) {
        return Parent::Missing;
    }
    let ours = rows.owned.contains(key) || rows.update.get(key).is_some_and(|update| update.whose == Whose::Taken);
    if link.owning && !table.keyless() && !ours { Parent::Elsewhere } else { Parent::Stands }
}

/// Positions to set to NULL when a link's parent is missing; none if that is not possible.
///
/// MATCH SIMPLE needs one NULL, MATCH FULL all. Columns that other constraints use too are spared where others do.
fn nullable(frame: &Frame<'_>, child: usize, link: &Link<'_>, all: &[Link<'_>]) -> Vec<usize> {
    let Via::Constraint(key, from) = &link.via else { return Vec::new() };
    let table = frame.table(child);
    let free = |position: &usize| {
        !table.key.contains(position) && table.target_column(*position).is_some_and(|column| !column.not_null)
    };
    if key.match_full {
        return if from.iter().all(free) { from.clone() } else { Vec::new() };
    }
    let shared = |position: &usize| {
        all.iter().any(|other| match &other.via {
            Via::Constraint(_, columns) => other.number != link.number && columns.contains(position),
            Via::Edge(_) => false,
        })
    };
    let can: Vec<usize> = from.iter().copied().filter(free).collect();
    let own: Vec<usize> = can.iter().copied().filter(|position| !shared(position)).collect();
    if own.is_empty() { can } else { own }
}

fn set_null(work: &mut Work, frame: &Frame<'_>, child: usize, key: &Key, positions: &[usize]) {
    let null = |line: &Line| {
        let fields = line.fields().enumerate();
        Line::from_fields(fields.map(|(at, field)| if positions.contains(&at) { NULL } else { field }))
    };
    let table = work.table_mut(child);
    if let Some(target) = table.insert.get_mut(key) {
        target.line = null(&target.line);
        target.nulled.extend_from_slice(positions);
        return;
    }
    let Some(update) = table.update.get_mut(key) else { return };
    update.target.line = null(&update.target.line);
    update.target.nulled.extend_from_slice(positions);
    update.changed = differing(&update.live.line.project(&frame.table(child).live_projection()), &update.target.line);
    if update.changed.is_empty() && update.whose == Whose::Ours {
        table.update.remove(key);
        table.same += 1;
    }
}

/// A row that no owning edge ties to this wedding would come back, or stay, as nobody's.
fn give_up_unowned(
    frame: &Frame<'_>,
    work: &mut Work,
    child: usize,
    links: &[Link<'_>],
    dangling: &Dangling,
) -> Result<(), Error> {
    if child == frame.root {
        return Ok(());
    }
    let owning = || links.iter().filter(|link| link.owning);
    let Some(first) = owning().next() else { return Ok(()) };
    let table = work.table(child);
    // An update that keeps its parents was owned before.
    let updates = table.update.iter().filter(|(key, _)| dangling.contains_key(*key));
    let rows = table.insert.iter().chain(updates.map(|(key, update)| (key, &update.target)));
    let mut unowned = Vec::new();
    for (key, target) in rows {
        let nowhere = |link: &Link<'_>| dangling.get(key).is_some_and(|links| links.contains(&link.number));
        let mut owned = false;
        for link in owning().filter(|link| !nowhere(link)) {
            owned |= tuple(frame, child, link, target)?.is_some();
        }
        if !owned {
            let lost = owning().find(|link| nowhere(link)).unwrap_or(first);
            unowned.push((key.clone(), lost.parent_name.clone()));
        }
    }
    for (key, table) in unowned {
        work.table_mut(child).give_up(&key, ConflictKind::ParentMissing { table });
    }
    Ok(())
}
