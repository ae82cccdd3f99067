//! What a restore works on: the mapped tables as the live schema has them today, joined to the capture's columns.
//!
//! Built once for each plan from the live catalog, the mapping and the manifest; everything after it speaks in positions
//! instead of names. Tables stand parents before children along owning edges.

use super::{
    Error, Request,
    drift::{self, Drift},
    identity::{identity, partition_columns},
    order::{group_of, needed, parents_first},
    row::Line,
};
use crate::{
    capture::{Manifest, TableEntry},
    mapping::{self, BoundTable, Edge, Mapping},
    ownership::equals_text,
    schema::{
        Column, Comparison, ForeignKey, Schema, Table, TableKind, TableName, comparison, quote_ident, quote_literal,
    },
};
use keepsake_domain::Group;
use std::collections::{BTreeMap, BTreeSet};

/// The tables and edges of one restore.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub schema: &'a Schema,
    pub mapping: &'a Mapping,
    /// Parents first along owning edges; only tables in scope and those on their way up to the root.
    pub tables: Vec<FrameTable<'a>>,
    /// Position of the root in `tables`.
    pub root: usize,
    /// Owning edges between `tables`.
    pub owns: Vec<OwnEdge>,
}

/// One mapped table.
#[derive(Debug)]
pub(crate) struct FrameTable<'a> {
    pub live: &'a Table,
    pub group: Group,
    /// Restored, rather than only read on the way to tables that are.
    pub in_scope: bool,
    pub entry: Option<&'a TableEntry>,
    /// Every stored column in attribute order: the layout of a live line.
    pub columns: Vec<&'a Column>,
    /// The restored columns: (position in a live line, position in a captured line). The layout of a target line.
    pub common: Vec<(usize, usize)>,
    /// Key columns, as positions in a target line. Empty for a table without any identity.
    pub key: Vec<usize>,
    /// The same columns as positions in a live line.
    pub live_key: Vec<usize>,
    /// Partition key columns, as positions in a target line.
    pub partition: Vec<usize>,
    pub drift: Drift,
    /// Owning edges that start here, as positions in `Frame::owns`.
    pub up: Vec<usize>,
    /// A row reached from the root along the only owning path has no second owner.
    pub sole_owner: bool,
}

/// An owning edge.
#[derive(Debug)]
pub(crate) struct OwnEdge {
    pub child: usize,
    pub parent: usize,
    /// Where the child's side comes from.
    pub from: Vec<EdgeColumn>,
    /// Positions in the parent's live line.
    pub to: Vec<usize>,
    /// Polymorphic: (position in the child's live line, value as text).
    pub only_where: Option<(usize, String)>,
    pub is_virtual: bool,
}

/// An end of an owning edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Child,
    Parent,
}

/// One column of an owning edge's child side.
#[derive(Debug)]
pub(crate) enum EdgeColumn {
    /// Position in the child's live line.
    Stored(usize),
    /// A value inside a JSON column.
    Json(usize, mapping::EdgeColumn),
}

impl<'a> Frame<'a> {
    /// Joins the three descriptions.
    ///
    /// # Errors
    /// [`Error::Refused`] where the mapping does not fit the database, or scope and capture share nothing.
    pub fn new(
        schema: &'a Schema,
        mapping: &'a Mapping,
        manifest: &'a Manifest,
        captured: Option<&Schema>,
        request: &Request,
    ) -> Result<Self, Error> {
        let bound = mapping.bind(schema).map_err(|mismatches| {
            let found = mismatches.iter().map(|mismatch| format!("the mapping does not fit this database: {mismatch}"));
            Error::Refused(found.collect())
        })?;
        let order = parents_first(mapping);
        let needed = needed(mapping, &order, request);
        let entries: BTreeMap<&TableName, &TableEntry> = manifest.tables.iter().map(|e| (&e.name, e)).collect();
        let mut tables = Vec::with_capacity(needed.len());
        for name in order.iter().filter(|name| needed.contains(*name)) {
            let live = schema.tables.get(*name).ok_or_else(|| {
                Error::Refused(vec![format!(
                    "the table {name} of the mapping does not exist in this database any more"
                )])
            })?;
            let group = group_of(mapping, name);
            let before = captured.and_then(|schema| schema.tables.get(*name));
            let entry = entries.get(*name).copied();
            let in_scope = request.scope.contains(group);
            let bound =
                bound.table(name).ok_or_else(|| Error::Refused(vec![format!("{name} is not in the mapping")]))?;
            tables.push(FrameTable::new(live, group, in_scope, entry, before, captured, schema, bound)?);
        }
        let root = tables.iter().position(|table| table.live.name == mapping.wedding.table);
        let root =
            root.ok_or_else(|| Error::Refused(vec!["the mapping's root table is not in the database".to_owned()]))?;
        let owns = own_edges(mapping, &tables)?;
        for (index, edge) in owns.iter().enumerate() {
            if let Some(table) = tables.get_mut(edge.child) {
                table.up.push(index);
            }
        }
        let mut frame = Self { schema, mapping, tables, root, owns };
        frame.mark_sole_owners();
        Ok(frame)
    }

    /// The table at a position that came from this frame.
    pub fn table(&self, index: usize) -> &FrameTable<'a> {
        self.tables.get(index).expect("positions come from the frame itself")
    }

    /// Position of a table by name.
    pub fn position(&self, name: &TableName) -> Option<usize> {
        self.tables.iter().position(|table| &table.live.name == name)
    }

    /// Equality of one end of an edge's pair, as `column`, and the other end's value, as the text `key`. It is the equality of
    /// captures (`ownership`), by which index lookups serve: constraints compare by the referenced type, other edges as text
    /// where the types differ.
    pub fn equals(&self, edge: usize, pair: usize, end: End, column: &str, key: &str) -> String {
        let own = self.edge(edge);
        let to = own.to.get(pair).and_then(|at| self.table(own.parent).columns.get(*at));
        let from = match own.from.get(pair) {
            Some(EdgeColumn::Stored(at)) => self.table(own.child).columns.get(*at),
            _ => None,
        };
        if let (false, Some(to)) = (own.is_virtual, to) {
            return format!("{column} = {key}::{}", to.type_name);
        }
        let kind = |column: Option<&&Column>| column.map_or_else(Comparison::text, |column| comparison(column));
        match (from, end) {
            (Some(_), _) if kind(from) == kind(to) => format!("{column} = {key}::{}", kind(to).sql()),
            (_, End::Child) => equals_text(column, &kind(from), key),
            (_, End::Parent) => equals_text(column, &kind(to), key),
        }
    }

    /// The owning edge at a position that came from this frame.
    pub fn edge(&self, index: usize) -> &OwnEdge {
        self.owns.get(index).expect("positions come from the frame itself")
    }

    /// Positions of the tables that are restored.
    pub fn in_scope(&self) -> impl Iterator<Item = usize> + '_ {
        self.tables
            .iter()
            .enumerate()
            .filter(|(_, table)| table.in_scope && table.entry.is_some())
            .map(|(index, _)| index)
    }

    /// Foreign keys that start at a table.
    pub fn keys_from(&self, index: usize) -> impl Iterator<Item = &'a ForeignKey> {
        let name = &self.table(index).live.name;
        self.schema.foreign_keys.iter().filter(move |key| &key.from == name)
    }

    /// Foreign keys that end at a table, wherever they start.
    pub fn keys_to(&self, index: usize) -> impl Iterator<Item = &'a ForeignKey> {
        let name = &self.table(index).live.name;
        self.schema.foreign_keys.iter().filter(move |key| &key.to == name)
    }

    /// Whether a foreign key is an owning edge of the mapping.
    pub fn is_owning(&self, key: &ForeignKey) -> bool {
        self.mapping.edges.iter().any(|edge| edge.decision.owns() && same_edge(edge, key))
    }

    /// Position of the root's id column in its live line.
    pub fn root_id(&self) -> Option<usize> {
        self.table(self.root).live_position(&self.mapping.wedding.id)
    }

    fn mark_sole_owners(&mut self) {
        // Parents come first, so one pass settles all but cycles, whose tables stay "not sole": they are looked up.
        for index in 0..self.tables.len() {
            let table = self.table(index);
            let sole = if index == self.root {
                table.up.is_empty()
            } else {
                match table.up.as_slice() {
                    [only] => {
                        let edge = self.edge(*only);
                        edge.parent < index
                            && self.table(edge.parent).sole_owner
                            && self.is_unique(edge.parent, &edge.to)
                    }
                    _ => false,
                }
            };
            if let Some(table) = self.tables.get_mut(index) {
                table.sole_owner = sole;
            }
        }
    }

    fn is_unique(&self, index: usize, positions: &[usize]) -> bool {
        let table = self.table(index);
        let names: BTreeSet<&str> =
            positions.iter().filter_map(|p| table.columns.get(*p)).map(|column| column.name.as_str()).collect();
        let covers =
            |columns: &[String]| !columns.is_empty() && columns.iter().all(|name| names.contains(name.as_str()));
        table.live.primary_key.as_deref().is_some_and(covers)
            || table.live.uniques.iter().any(|unique| !unique.partial && !unique.expression && covers(&unique.columns))
    }
}

impl<'a> FrameTable<'a> {
    fn new(
        live: &'a Table,
        group: Group,
        in_scope: bool,
        entry: Option<&'a TableEntry>,
        before: Option<&Table>,
        captured: Option<&Schema>,
        schema: &Schema,
        bound: &BoundTable,
    ) -> Result<Self, Error> {
        let columns: Vec<&Column> = live.stored_columns().collect();
        let position = |name: &str| columns.iter().position(|column| column.name == name);
        let common: Vec<(usize, usize)> = entry.map_or_else(
            || (0..columns.len()).map(|index| (index, index)).collect(),
            |entry| {
                let pairs = entry.columns.iter().enumerate();
                pairs.filter_map(|(captured, name)| Some((position(name)?, captured))).collect()
            },
        );
        let drift = drift::compare(live, entry, before, captured, schema);
        let partition_columns = partition_columns(live);
        let key_names = identity(live, bound, &partition_columns);
        let target =
            |name: &String| common.iter().position(|(index, _)| columns.get(*index).is_some_and(|c| &c.name == name));
        let key: Option<Vec<usize>> = key_names.iter().map(target).collect();
        let Some(key) = key else {
            let lost: Vec<&str> = key_names.iter().filter(|name| target(name).is_none()).map(String::as_str).collect();
            return Err(Error::Refused(vec![format!(
                "{}: its key columns {} are not in the capture, so rows cannot be matched",
                live.name,
                lost.join(", ")
            )]));
        };
        let live_key = key.iter().filter_map(|k| common.get(*k)).map(|(index, _)| *index).collect();
        let partition = partition_columns.iter().filter_map(target).collect();
        Ok(Self {
            live,
            group,
            in_scope,
            entry,
            columns,
            common,
            key,
            live_key,
            partition,
            drift,
            up: Vec::new(),
            sole_owner: false,
        })
    }

    /// The table for FROM and as the target of a change, without the rows of tables that inherit from it.
    pub fn only(&self) -> String {
        match self.live.kind {
            TableKind::Partitioned { .. } => self.live.name.sql(),
            _ => format!("ONLY {}", self.live.name.sql()),
        }
    }

    /// Position of a stored column in a live line.
    pub fn live_position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Position of a restored column in a target line.
    pub fn target_position(&self, name: &str) -> Option<usize> {
        self.common.iter().position(|(index, _)| self.columns.get(*index).is_some_and(|column| column.name == name))
    }

    /// The restored columns in the order of a target line.
    pub fn target_columns(&self) -> impl Iterator<Item = &'a Column> + '_ {
        self.common.iter().filter_map(|(index, _)| self.columns.get(*index).copied())
    }

    /// The restored column at a position of a target line.
    pub fn target_column(&self, position: usize) -> Option<&'a Column> {
        self.common.get(position).and_then(|(index, _)| self.columns.get(*index).copied())
    }

    /// Rows have no identity: they are compared as a multiset of whole rows.
    pub fn keyless(&self) -> bool {
        self.key.is_empty()
    }

    /// A live line as a capture writes it, without the place of a row that has no identity.
    pub fn stored(&self, live: &Line) -> Line {
        if !self.keyless() {
            return live.clone();
        }
        let positions: Vec<usize> = (0..self.columns.len()).collect();
        live.project(&positions)
    }

    /// Positions in a live line that make a target line.
    pub fn live_projection(&self) -> Vec<usize> {
        self.common.iter().map(|(index, _)| *index).collect()
    }

    /// Every stored column, qualified and quoted, in the order of a live line; a keyless table's rows end with their place.
    pub fn select_list(&self, alias: &str) -> String {
        let mut list: Vec<String> =
            self.columns.iter().map(|column| format!("{alias}.{}", quote_ident(&column.name))).collect();
        if self.keyless() {
            list.push(format!("{alias}.tableoid"));
            list.push(format!("{alias}.ctid"));
        }
        list.join(", ")
    }
}

impl OwnEdge {
    /// The child's side in SQL, over the table alias `alias`.
    pub fn child_side(&self, child: &FrameTable<'_>, alias: &str) -> Vec<String> {
        let name = |index: &usize| child.columns.get(*index).map_or_else(String::new, |c| quote_ident(&c.name));
        self.from
            .iter()
            .map(|column| match column {
                EdgeColumn::Stored(index) => format!("{alias}.{}", name(index)),
                EdgeColumn::Json(_, path) => path.sql(alias),
            })
            .collect()
    }

    /// The polymorphic condition in SQL, empty without one.
    pub fn condition_sql(&self, child: &FrameTable<'_>, alias: &str) -> String {
        let Some((index, value)) = &self.only_where else { return String::new() };
        let column = child.columns.get(*index).map_or_else(String::new, |column| quote_ident(&column.name));
        format!(" AND {alias}.{column}::text = {}", quote_literal(value))
    }
}

/// Whether a mapping's edge is this constraint.
pub(crate) fn same_edge(edge: &Edge, key: &ForeignKey) -> bool {
    !edge.is_virtual
        && edge.from == key.from
        && edge.to == key.to
        && edge.columns.len() == key.from_columns.len()
        && edge
            .columns
            .iter()
            .zip(&edge.to_columns)
            .all(|pair| key.from_columns.iter().zip(&key.to_columns).any(|other| pair == other))
}
fn own_edges(mapping: &Mapping, tables: &[FrameTable<'_>]) -> Result<Vec<OwnEdge>, Error> {
    let find = |name: &TableName| tables.iter().position(|table| &table.live.name == name);
    let mut edges = Vec::new();
    for edge in mapping.edges.iter().filter(|edge| edge.decision.owns()) {
        let (Some(child), Some(parent)) = (find(&edge.from), find(&edge.to)) else { continue };
        let (Some(from_table), Some(to_table)) = (tables.get(child), tables.get(parent)) else { continue };
        let unfit = |column: &str, table: &TableName| {
            Error::Refused(vec![format!(
                "the mapping's edge names {column} of {table}, which is no stored column there"
            )])
        };
        let mut from = Vec::with_capacity(edge.columns.len());
        for column in &edge.columns {
            let stored = from_table.live_position(column).map(EdgeColumn::Stored);
            let json = || {
                let path: mapping::EdgeColumn = column.parse().ok()?;
                Some(EdgeColumn::Json(from_table.live_position(&path.column)?, path))
            };
            let virtual_json = if edge.is_virtual { json() } else { None };
            from.push(stored.or(virtual_json).ok_or_else(|| unfit(column, &edge.from))?);
        }
        let to =
            edge.to_columns.iter().map(|column| to_table.live_position(column).ok_or_else(|| unfit(column, &edge.to)));
        let only_where = match &edge.only_where {
            Some(rule) => {
                let position = from_table.live_position(&rule.column).ok_or_else(|| unfit(&rule.column, &edge.from))?;
                Some((position, rule.equals.clone()))
            }
            None => None,
        };
        edges.push(OwnEdge {
            child,
            parent,
            from,
            to: to.collect::<Result<_, _>>()?,
            only_where,
            is_virtual: edge.is_virtual,
        });
    }
    Ok(edges)
}
/// A table for FROM and as the target of a change: rows of tables that inherit from it are theirs, not its own.
pub(crate) fn only(schema: &Schema, name: &TableName) -> String {
    match schema.tables.get(name).map(|table| &table.kind) {
        Some(TableKind::Partitioned { .. }) | None => name.sql(),
        Some(_) => format!("ONLY {}", name.sql()),
    }
}
