//! Whose a live row is (safety rule S1): up along owning edges, by key, until the root.
//!
//! A row's owners are all weddings that some chain of owning edges with values leads to. An owning edge without a value
//! adds none; a row that no chain leads up from belongs to nobody. A restore touches rows with one owner only.

use super::{
    Error,
    frame::{End, Frame},
    json_path::evaluate,
    live::{Copies, LiveRow, Locks},
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    row::{Key, Line, decode, encode},
};
use crate::schema::quote_ident;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use tokio_postgres::Transaction;

/// Weddings by id, as the server writes it.
pub(crate) type Owners = BTreeSet<String>;

/// The owners of live rows of one table, by key.
pub(crate) async fn owners(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    table: usize,
    rows: &[LiveRow],
    locks: Locks,
) -> Result<HashMap<Key, Owners>, Error> {
    let mut climb = Climb { frame, locks, parents: HashMap::new(), roots: HashMap::new() };
    let mut frontier: BTreeMap<usize, Vec<LiveRow>> = BTreeMap::from([(table, rows.to_vec())]);
    while let Some((at, level)) = frontier.pop_first() {
        for (next, rows) in climb.up(tx, at, level).await? {
            frontier.entry(next).or_default().extend(rows);
        }
    }
    rows.iter().map(|row| Ok((row.key.clone(), climb.reached(table, &row.key)?))).collect()
}

struct Climb<'f, 's> {
    frame: &'f Frame<'s>,
    locks: Locks,
    /// What each row hangs on.
    parents: HashMap<(usize, Key), Vec<(usize, Key)>>,
    /// Ids of root rows.
    roots: HashMap<Key, Line>,
}

impl Climb<'_, '_> {
    /// Records what `rows` hang on and returns the parents not seen before, by table.
    async fn up(
        &mut self,
        tx: &Transaction<'_>,
        table: usize,
        rows: Vec<LiveRow>,
    ) -> Result<BTreeMap<usize, Vec<LiveRow>>, Error> {
        let frame = self.frame;
        let rows: Vec<LiveRow> =
            rows.into_iter().filter(|row| !self.parents.contains_key(&(table, row.key.clone()))).collect();
        for row in &rows {
            self.parents.insert((table, row.key.clone()), Vec::new());
            if let Some(id) = frame.root_id().filter(|_| table == frame.root) {
                self.roots.insert(row.key.clone(), row.line.project(&[id]));
            }
        }
        let mut next: BTreeMap<usize, Vec<LiveRow>> = BTreeMap::new();
        for edge in frame.table(table).up.clone() {
            let own = frame.edge(edge);
            let mut children: HashMap<Line, Vec<Key>> = HashMap::new();
            for row in &rows {
                if let Some(tuple) = up_tuple(frame, edge, &row.line)? {
                    children.entry(tuple).or_default().push(row.key.clone());
                }
            }
            let tuples: Vec<Line> = children.keys().cloned().collect();
            for (number, parent) in self.fetch(tx, edge, &tuples).await? {
                let Some(keys) = tuples.get(number).and_then(|tuple| children.get(tuple)) else { continue };
                for key in keys {
                    let links = self.parents.entry((table, key.clone())).or_default();
                    links.push((own.parent, parent.key.clone()));
                }
                if !self.parents.contains_key(&(own.parent, parent.key.clone())) {
                    next.entry(own.parent).or_default().push(parent);
                }
            }
        }
        Ok(next)
    }

    /// Parents by the values that refer to them, with the number of the value.
    async fn fetch(&self, tx: &Transaction<'_>, edge: usize, tuples: &[Line]) -> Result<Vec<(usize, LiveRow)>, Error> {
        let own = self.frame.edge(edge);
        let parent = self.frame.table(own.parent);
        let mut found = Vec::new();
        for (chunk_number, chunk) in tuples.chunks(KEYS_PER_STATEMENT).enumerate() {
            let on: Vec<String> = own
                .to
                .iter()
                .enumerate()
                .filter_map(|(pair, to)| {
                    let side = format!("t.{}", quote_ident(&parent.columns.get(*to)?.name));
                    Some(self.frame.equals(edge, pair, End::Parent, &side, &format!("k.k{pair}")))
                })
                .collect();
            let lock = if self.locks == Locks::None { "" } else { " FOR SHARE OF t" };
            let query = format!(
                "SELECT k.n, {} FROM {} JOIN {} t ON {}{lock}",
                parent.select_list("t"),
                tuples_sql("k", own.to.len(), chunk)?,
                parent.only(),
                on.join(" AND "),
            );
            let mut copies = Copies::default();
            copy(tx, &format!("reading owners in {}", parent.live.name), &query, |line| {
                let (number, row) = numbered(&line)?;
                let key = if parent.keyless() {
                    copies.key(&row.project(&parent.live_projection()))
                } else {
                    row.project(&parent.live_key)
                };
                found.push((chunk_number * KEYS_PER_STATEMENT + number, LiveRow { key, line: row }));
                Ok(())
            })
            .await?;
        }
        Ok(found)
    }

    /// The roots above a row.
    fn reached(&self, table: usize, key: &Key) -> Result<Owners, Error> {
        let mut owners = Owners::new();
        let (mut todo, mut seen) = (vec![(table, key.clone())], HashSet::new());
        while let Some(at) = todo.pop() {
            if at.0 == self.frame.root
                && let Some(id) = self.roots.get(&at.1)
            {
                owners.extend(decode(id.bytes())?);
                continue;
            }
            if let Some(parents) = self.parents.get(&at) {
                todo.extend(parents.iter().filter(|parent| seen.insert((*parent).clone())).cloned());
            }
        }
        Ok(owners)
    }
}

/// The number in front of a line (counted from 1 by the server), from 0, and the rest.
pub(crate) fn numbered(line: &Line) -> Result<(usize, Line), Error> {
    let bad = || Error::Corrupt { path: String::new(), reason: "the server's answer has no row number".to_owned() };
    let mut parts = line.bytes().splitn(2, |byte| *byte == b'\t');
    let number =
        parts.next().and_then(|text| std::str::from_utf8(text).ok()).and_then(|text| text.parse::<usize>().ok());
    let number = number.and_then(|number| number.checked_sub(1)).ok_or_else(bad)?;
    Ok((number, Line::new(parts.next().unwrap_or_default())))
}

/// What a live row says of its parent along an edge, `None` where it says nothing.
pub(crate) fn up_tuple(frame: &Frame<'_>, edge: usize, live: &Line) -> Result<Option<Line>, Error> {
    tuple_of(frame, edge, &live.split())
}

/// The same over the fields of a live line, which a target line can be spread to.
pub(crate) fn tuple_of(frame: &Frame<'_>, edge: usize, fields: &[&[u8]]) -> Result<Option<Line>, Error> {
    let own = frame.edge(edge);
    if let Some((index, value)) = &own.only_where {
        let is = fields.get(*index).map(|field| decode(field)).transpose()?.flatten();
        // COPY writes booleans as t and f, mappings as true and false.
        let column = frame.table(own.child).columns.get(*index);
        let wanted = match value.as_str() {
            "true" if column.is_some_and(|column| column.base_type == "boolean") => "t",
            "false" if column.is_some_and(|column| column.base_type == "boolean") => "f",
            other => other,
        };
        if is.as_deref() != Some(wanted) {
            return Ok(None);
        }
    }
    let mut tuple: Vec<Vec<u8>> = Vec::with_capacity(own.from.len());
    for column in &own.from {
        let field = match column {
            super::frame::EdgeColumn::Stored(index) => fields.get(*index).map(|field| field.to_vec()),
            super::frame::EdgeColumn::Json(index, path) => {
                let json = fields.get(*index).map(|field| decode(field)).transpose()?.flatten();
                json.and_then(|json| evaluate(&path.path, &json)).map(|value| encode(Some(&value)))
            }
        };
        tuple.push(field.unwrap_or_else(|| super::row::NULL.to_vec()));
    }
    let line = Line::from_fields(tuple.iter().map(Vec::as_slice));
    Ok((!line.has_null()).then_some(line))
}
