//! The wedding's live rows: down from the root along owning edges, level by level, every lookup by the values of the
//! level above. So each statement is an index lookup however large the database is, several owning paths, self references
//! and cycles need no special case, and the same walk locks rows parents first (safety rule S2).

use super::{
    Error,
    frame::{End, Frame},
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    row::{Key, Line},
};
use crate::schema::{quote_ident, quote_literal};
use std::collections::{HashMap, HashSet};
use tokio_postgres::Transaction;

/// Deepest chain of rows below one root.
const MAX_LEVELS: usize = 10_000;

/// What the walk does with the rows it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locks {
    /// Reads only.
    None,
    /// Locks every row `FOR UPDATE`.
    ForUpdate,
}

/// A live row.
#[derive(Debug, Clone)]
pub(crate) struct LiveRow {
    pub key: Key,
    /// Every stored column, in attribute order; after them table and ctid of a row without identity.
    pub line: Line,
}

/// Numbers equal rows of tables without identity: the n-th copy of a row is its own key.
#[derive(Debug, Default)]
pub(crate) struct Copies(HashMap<Line, u64>);

impl Copies {
    pub fn key(&mut self, target: &Line) -> Key {
        let number = self.0.entry(target.clone()).or_default();
        *number += 1;
        let number = number.to_string();
        Line::from_fields(target.fields().chain([number.as_bytes()]))
    }
}

/// Walks the wedding's rows. `take` gets each row once, with the position of its table.
pub(crate) async fn owned(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    wedding: &str,
    locks: Locks,
    mut take: impl FnMut(usize, LiveRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut walk = Walk::new(frame, locks);
    walk.root(tx, wedding, &mut take).await?;
    walk.down(tx, &mut take).await
}

/// Walks the rows below values of owning edges, whoever owns them: `(edge, values of the parent's side)`.
pub(crate) async fn below(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    seeds: Vec<(usize, Line)>,
    locks: Locks,
    mut take: impl FnMut(usize, LiveRow) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut walk = Walk::new(frame, locks);
    seeds.into_iter().for_each(|(edge, tuple)| walk.ask(edge, tuple));
    walk.down(tx, &mut take).await
}

struct Walk<'f, 's> {
    frame: &'f Frame<'s>,
    locks: Locks,
    /// For each table, the rows seen: by key, or by place where they have none.
    seen: Vec<HashSet<Line>>,
    copies: Vec<Copies>,
    /// For each owning edge, parents' values whose children were not read yet, and those that were.
    pending: Vec<Vec<Line>>,
    followed: Vec<HashSet<Line>>,
}

impl<'f, 's> Walk<'f, 's> {
    fn new(frame: &'f Frame<'s>, locks: Locks) -> Self {
        Self {
            frame,
            locks,
            seen: vec![HashSet::new(); frame.tables.len()],
            copies: frame.tables.iter().map(|_| Copies::default()).collect(),
            pending: vec![Vec::new(); frame.owns.len()],
            followed: vec![HashSet::new(); frame.owns.len()],
        }
    }

    /// Follows every edge until no new row turns up.
    async fn down(
        &mut self,
        tx: &Transaction<'_>,
        take: &mut impl FnMut(usize, LiveRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for _level in 0..MAX_LEVELS {
            if self.pending.iter().all(Vec::is_empty) {
                return Ok(());
            }
            for child in 0..self.frame.tables.len() {
                for edge in self.frame.table(child).up.clone() {
                    self.follow(tx, edge, take).await?;
                }
            }
        }
        Err(Error::Refused(vec![format!(
            "rows of this wedding refer to each other in chains longer than {MAX_LEVELS}"
        )]))
    }

    /// Notes values whose children are to be read, once.
    fn ask(&mut self, edge: usize, tuple: Line) {
        if !tuple.has_null() && self.followed.get_mut(edge).is_some_and(|done| done.insert(tuple.clone())) {
            self.pending.get_mut(edge).into_iter().for_each(|pending| pending.push(tuple.clone()));
        }
    }

    async fn root(
        &mut self,
        tx: &Transaction<'_>,
        wedding: &str,
        take: &mut impl FnMut(usize, LiveRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let frame = self.frame;
        let table = frame.table(frame.root);
        let id = table.live.column(&frame.mapping.wedding.id).map_or("text", |column| column.type_name.as_str());
        let query = format!(
            "SELECT {} FROM {} t WHERE t.{} = {}::{id}{}",
            table.select_list("t"),
            table.only(),
            quote_ident(&frame.mapping.wedding.id),
            quote_literal(wedding),
            self.lock_clause(),
        );
        let mut rows = Vec::new();
        copy(tx, "reading the wedding's own row", &query, |line| {
            rows.push(line);
            Ok(())
        })
        .await?;
        rows.into_iter().try_for_each(|line| self.arrived(frame.root, line, take))
    }

    async fn follow(
        &mut self,
        tx: &Transaction<'_>,
        edge: usize,
        take: &mut impl FnMut(usize, LiveRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let frame = self.frame;
        let tuples = self.pending.get_mut(edge).map(std::mem::take).unwrap_or_default();
        let own = frame.edge(edge);
        let child = frame.table(own.child);
        let what = format!("reading {}", child.live.name);
        for chunk in tuples.chunks(KEYS_PER_STATEMENT) {
            let sides = own.child_side(child, "t").into_iter().enumerate();
            let on: Vec<String> =
                sides.map(|(pair, side)| frame.equals(edge, pair, End::Child, &side, &format!("k.k{pair}"))).collect();
            let query = format!(
                "SELECT {} FROM {} JOIN {} t ON {}{}{}",
                child.select_list("t"),
                tuples_sql("k", own.to.len(), chunk)?,
                child.only(),
                on.join(" AND "),
                own.condition_sql(child, "t"),
                self.order_and_lock(own.child),
            );
            let mut rows = Vec::new();
            copy(tx, &what, &query, |line| {
                rows.push(line);
                Ok(())
            })
            .await?;
            rows.into_iter().try_for_each(|line| self.arrived(own.child, line, take))?;
        }
        Ok(())
    }

    fn arrived(
        &mut self,
        table: usize,
        line: Line,
        take: &mut impl FnMut(usize, LiveRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let frame = self.frame;
        let layout = frame.table(table);
        let stored = layout.columns.len();
        let identity =
            if layout.keyless() { line.project(&[stored, stored + 1]) } else { line.project(&layout.live_key) };
        if !self.seen.get_mut(table).is_some_and(|seen| seen.insert(identity.clone())) {
            return Ok(());
        }
        for (index, edge) in frame.owns.iter().enumerate().filter(|(_, edge)| edge.parent == table) {
            self.ask(index, line.project(&edge.to));
        }
        let key = match self.copies.get_mut(table) {
            Some(copies) if layout.keyless() => copies.key(&line.project(&layout.live_projection())),
            _ => identity,
        };
        take(table, LiveRow { key, line })
    }

    fn lock_clause(&self) -> &'static str {
        match self.locks {
            Locks::None => "",
            Locks::ForUpdate => " FOR UPDATE OF t",
        }
    }

    fn order_and_lock(&self, table: usize) -> String {
        if self.locks == Locks::None {
            return String::new();
        }
        let table = self.frame.table(table);
        let key: Vec<String> = table
            .live_key
            .iter()
            .filter_map(|index| table.columns.get(*index))
            .map(|column| format!("t.{}", quote_ident(&column.name)))
            .collect();
        let order = if key.is_empty() { String::new() } else { format!(" ORDER BY {}", key.join(", ")) };
        format!("{order}{}", self.lock_clause())
    }
}
