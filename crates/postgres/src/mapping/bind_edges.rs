//! Resolves the edges of a mapping against the foreign keys of a database.

use super::{
    BoundEdge, BoundTable, Decision, Edge, EdgeColumn, Mapping, Mismatch, Place, Shared,
    bind::{columns_of, readable},
    bound::Link,
};
use crate::schema::{ForeignKey, Schema, Table, TableKind, TableName, comparison};
use std::collections::{BTreeMap, BTreeSet};

/// Edges being resolved.
pub(super) struct Edges<'a> {
    mapping: &'a Mapping,
    schema: &'a Schema,
    owned: BTreeSet<TableName>,
    pub problems: Vec<Mismatch>,
    pub undecided: Vec<ForeignKey>,
    pub incoming: Vec<ForeignKey>,
    pub shared: BTreeMap<TableName, Shared>,
}

/// Column pairs of an edge, without regard to their order.
type Pairs = BTreeSet<(String, String)>;
type Identity = (TableName, TableName, Pairs);

/// The table through which a partition is read.
fn top<'a>(schema: &'a Schema, name: &'a TableName) -> &'a TableName {
    match schema.tables.get(name) {
        Some(Table { kind: TableKind::Partition { root }, .. }) => root,
        _ => name,
    }
}

fn identity(schema: &Schema, key: &ForeignKey) -> Identity {
    let pairs = key.from_columns.iter().cloned().zip(key.to_columns.iter().cloned()).collect();
    (top(schema, &key.from).clone(), top(schema, &key.to).clone(), pairs)
}

impl<'a> Edges<'a> {
    pub fn new(mapping: &'a Mapping, schema: &'a Schema, tables: &[BoundTable]) -> Self {
        Self {
            mapping,
            schema,
            owned: tables.iter().map(|table| table.name.clone()).collect(),
            problems: Vec::new(),
            undecided: Vec::new(),
            incoming: Vec::new(),
            shared: BTreeMap::new(),
        }
    }

    /// Gives every owned table its edges.
    pub fn resolve(&mut self, tables: &mut [BoundTable]) {
        let keys: BTreeMap<Identity, &ForeignKey> =
            self.schema.foreign_keys.iter().map(|key| (identity(self.schema, key), key)).collect();
        let mut decided = BTreeSet::new();
        let mut found = Vec::new();
        for (n, edge) in self.mapping.edges.iter().enumerate() {
            let place = Place::of(["edge".into(), n.into()]);
            match self.edge(edge, &keys) {
                Ok(bound) => {
                    if let Some(identity) = pairs_of(edge).filter(|_| !edge.is_virtual) {
                        decided.insert(identity);
                    }
                    found.push(bound);
                }
                Err((field, message)) => self.problems.push(Mismatch::new(place.then(field), message)),
            }
        }
        for (identity, key) in &keys {
            let (from_owned, to_owned) = (self.owned.contains(&identity.0), self.owned.contains(&identity.1));
            if from_owned && !decided.contains(identity) {
                self.undecided.push((*key).clone());
                found.push(self.undecided_edge(key, identity));
            } else if to_owned && !from_owned {
                self.incoming.push((*key).clone());
            }
        }
        for edge in found {
            self.note_shared(&edge);
            // Edges of tables outside are decisions that have no effect; they are kept for a later change of mind.
            if let Some(table) = tables.iter_mut().find(|table| table.name == edge.from) {
                if edge.decision.owns() { table.owning.push(edge) } else { table.referring.push(edge) }
            }
        }
    }

    fn edge(&self, edge: &Edge, keys: &BTreeMap<Identity, &ForeignKey>) -> Result<BoundEdge, (&'static str, String)> {
        let from = readable(self.schema, &edge.from).map_err(|message| ("from", message))?;
        let to = readable(self.schema, &edge.to).map_err(|message| ("to", message))?;
        let mut columns = Vec::new();
        let mut links = Vec::new();
        let mut nullable = edge.only_where.is_some();
        for (near, far) in edge.columns.iter().zip(&edge.to_columns) {
            let near: EdgeColumn = near.parse().map_err(|error| ("columns", format!("{error}")))?;
            let column = from.column(&near.column).ok_or_else(|| {
                ("columns", format!("{} has no column `{}`; it has {}", edge.from, near.column, columns_of(from)))
            })?;
            if !near.path.is_empty() && !matches!(column.base_type.as_str(), "json" | "jsonb") {
                return Err(("columns", format!("`{}` is {}, not json or jsonb", near.column, column.type_name)));
            }
            let target = to.column(far).ok_or_else(|| {
                ("to_columns", format!("{} has no column `{far}`; it has {}", edge.to, columns_of(to)))
            })?;
            let direct = !edge.is_virtual || (near.path.is_empty() && comparison(column).joins(&comparison(target)));
            links.push(if direct { Link::Direct } else { Link::Text { to: comparison(target) } });
            nullable |= !column.not_null || !near.path.is_empty();
            columns.push(near);
        }
        if let Some(condition) = &edge.only_where
            && from.column(&condition.column).is_none()
        {
            let message = format!("{} has no column `{}`; it has {}", edge.from, condition.column, columns_of(from));
            return Err(("only_where", message));
        }
        let constraint = match pairs_of(edge).and_then(|identity| keys.get(&identity)) {
            Some(key) if !edge.is_virtual => Some(key.name.clone()),
            Some(key) => {
                return Err(("virtual", format!("this is the foreign key `{}`: remove `virtual`", key.name)));
            }
            None if edge.is_virtual => None,
            None => return Err(("columns", self.no_such_key(edge))),
        };
        Ok(BoundEdge {
            from: edge.from.clone(),
            columns,
            to: edge.to.clone(),
            to_columns: edge.to_columns.clone(),
            links,
            decision: edge.decision,
            constraint,
            nullable,
            only_where: edge.only_where.clone(),
            inside: self.owned.contains(&edge.to),
        })
    }

    fn no_such_key(&self, edge: &Edge) -> String {
        let others: Vec<String> = self
            .schema
            .foreign_keys_of(&edge.from)
            .take(10)
            .map(|key| format!("({}) -> {} ({})", key.from_columns.join(", "), key.to, key.to_columns.join(", ")))
            .collect();
        let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
        format!(
            "the database has no foreign key from {} ({}) to {} ({}); it has {others}. If only the application knows this edge, \
             add `virtual = true`",
            edge.from,
            edge.columns.join(", "),
            edge.to,
            edge.to_columns.join(", ")
        )
    }

    fn undecided_edge(&self, key: &ForeignKey, (from, to, _): &Identity) -> BoundEdge {
        let table = self.schema.tables.get(from);
        let nullable = key
            .from_columns
            .iter()
            .any(|name| table.and_then(|table| table.column(name)).is_none_or(|column| !column.not_null));
        BoundEdge {
            from: from.clone(),
            columns: key.from_columns.iter().map(|c| EdgeColumn { column: c.clone(), path: Vec::new() }).collect(),
            to: to.clone(),
            to_columns: key.to_columns.clone(),
            links: key.to_columns.iter().map(|_| Link::Direct).collect(),
            decision: Decision::AssumedRefers,
            constraint: Some(key.name.clone()),
            nullable,
            only_where: None,
            inside: self.owned.contains(to),
        }
    }

    /// Remembers a table outside that an owned one refers to, with the columns that a capture takes of it.
    fn note_shared(&mut self, edge: &BoundEdge) {
        if edge.inside || !self.owned.contains(&edge.from) {
            return;
        }
        let Some(table) = self.schema.tables.get(&edge.to) else { return };
        let identity = self.mapping.rules.identity_schemas.contains(&edge.to.schema);
        let display = self.mapping.rules.display.get(&edge.to.to_string()).filter(|_| !identity);
        let shared = self.shared.entry(edge.to.clone()).or_insert_with(|| {
            let key = table.primary_key.clone().unwrap_or_else(|| edge.to_columns.clone());
            Shared { name: edge.to.clone(), columns: key.clone(), key, identity }
        });
        for column in edge.to_columns.iter().chain(display.into_iter().flatten()) {
            if !shared.columns.contains(column) {
                shared.columns.push(column.clone());
            }
        }
    }
}

/// What makes a mapped edge the same as a foreign key; `None` where its lists do not match.
fn pairs_of(edge: &Edge) -> Option<Identity> {
    let mut pairs = Pairs::new();
    for (near, far) in edge.columns.iter().zip(&edge.to_columns) {
        let near: EdgeColumn = near.parse().ok()?;
        if !near.path.is_empty() {
            return None;
        }
        pairs.insert((near.column, far.clone()));
    }
    edge.only_where.is_none().then(|| (edge.from.clone(), edge.to.clone(), pairs))
}
