//! Owns or refers, for one foreign key, with the reason in words.

use super::{evidence::Evidence, names::lasting};
use crate::{
    mapping::Decision,
    schema::{ForeignKey, OnDelete, Schema, TableKind, TableName},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is known when an edge is decided.
pub struct Known<'a> {
    pub schema: &'a Schema,
    pub evidence: &'a Evidence,
    pub root: &'a TableName,
    /// Tables found to be owned so far, the root included.
    pub owned: &'a BTreeSet<TableName>,
    pub identity_schemas: &'a [String],
    /// The foreign keys of each table, so that a big schema is not searched for each edge.
    pub keys: &'a BTreeMap<&'a TableName, Vec<&'a ForeignKey>>,
}

/// The foreign keys of each table.
pub fn keys_by_table(schema: &Schema) -> BTreeMap<&TableName, Vec<&ForeignKey>> {
    let mut keys: BTreeMap<&TableName, Vec<&ForeignKey>> = BTreeMap::new();
    for key in &schema.foreign_keys {
        keys.entry(&key.from).or_default().push(key);
    }
    keys
}

/// The table through which a partition is read.
pub fn top<'a>(schema: &'a Schema, name: &'a TableName) -> &'a TableName {
    match schema.tables.get(name).map(|table| &table.kind) {
        Some(TableKind::Partition { root }) => root,
        _ => name,
    }
}

impl<'s> Known<'s> {
    fn not_null(&self, key: &ForeignKey) -> bool {
        let table = self.schema.tables.get(&key.from);
        key.from_columns.iter().all(|name| table.and_then(|t| t.column(name)).is_some_and(|column| column.not_null))
    }

    fn keys_of(&self, table: &TableName) -> impl Iterator<Item = &'s ForeignKey> + use<'s> {
        self.keys.get(table).map(Vec::as_slice).unwrap_or_default().iter().copied()
    }

    /// A key without which the row cannot live: it must be set, or the row is deleted with its parent.
    pub fn strong(&self, key: &ForeignKey) -> bool {
        self.not_null(key) || key.on_delete == OnDelete::Cascade
    }

    /// Another key of the same table that is strong and leads to an owned table other than itself.
    fn owned_otherwise(&self, key: &ForeignKey) -> Option<&'s ForeignKey> {
        self.keys_of(&key.from).find(|other| {
            let to = top(self.schema, &other.to);
            *other != key && to != &key.from && self.owned.contains(to) && self.strong(other)
        })
    }

    /// A strong key to a table outside that is more than a list of people: the row's real home, perhaps.
    fn home_outside(&self, key: &ForeignKey) -> Option<&'s ForeignKey> {
        self.keys_of(&key.from).find(|other| {
            let to = top(self.schema, &other.to);
            other.on_delete == OnDelete::Cascade && self.not_null(other) && !self.owned.contains(to) && to != &key.from
        })
    }

    /// Tables inside, other than its own children by ownership, whose rows name rows of this one.
    fn used_by_owned(&self, table: &TableName) -> Option<&'s ForeignKey> {
        self.schema.foreign_keys_to(table).find(|key| {
            let from = top(self.schema, &key.from);
            from != table && self.owned.contains(from) && from != self.root && self.owned_otherwise(key).is_some()
        })
    }

    /// The decision on a foreign key of an owned table, or of one that would become owned by it.
    pub fn decide(&self, key: &ForeignKey) -> (Decision, String) {
        let (from, to) = (top(self.schema, &key.from), top(self.schema, &key.to));
        if !self.owned.contains(to) {
            return (Decision::Refers, self.outside(key, to));
        }
        if from == self.root {
            return (Decision::Refers, "the wedding names one of its own rows".to_owned());
        }
        if from == to {
            return self.itself(key);
        }
        let (not_null, cascade) = (self.not_null(key), key.on_delete == OnDelete::Cascade);
        if lasting(from) && !(not_null && cascade) {
            return if not_null {
                (
                    Decision::AssumedOwns,
                    format!("NOT NULL, but {} sounds like something that outlives a wedding", from.table),
                )
            } else {
                (
                    Decision::AssumedRefers,
                    format!("optional, and {} sounds like something that outlives a wedding", from.table),
                )
            };
        }
        match (not_null, cascade) {
            (true, true) => (Decision::Owns, "NOT NULL and ON DELETE CASCADE".to_owned()),
            (false, true) => (Decision::Owns, "ON DELETE CASCADE".to_owned()),
            (true, false) => match self.home_outside(key).filter(|_| to != self.root) {
                Some(home) => {
                    (Decision::AssumedOwns, format!("NOT NULL, but the row is deleted with {} instead", home.to.table))
                }
                None => (Decision::Owns, "NOT NULL".to_owned()),
            },
            (false, false) => self.optional(key),
        }
    }

    /// A key that may be NULL and does not cascade.
    fn optional(&self, key: &ForeignKey) -> (Decision, String) {
        if let Some(other) = self.owned_otherwise(key) {
            return (
                Decision::Refers,
                format!("optional; the row belongs to its wedding by {}", other.from_columns.join(", ")),
            );
        }
        if let Some(home) = self.home_outside(key) {
            return (Decision::AssumedRefers, format!("optional, and the row is deleted with {}", home.to.table));
        }
        let sample = key.from_columns.first().and_then(|column| self.evidence.column(&key.from, column));
        let rows = self.evidence.rows.get(&key.from).copied().unwrap_or(0);
        if let Some(sample) = sample.filter(|_| rows >= 10) {
            let words = format!("optional; set in {} of {rows} sampled rows", sample.filled);
            return if sample.filled * 2 >= rows {
                (Decision::AssumedOwns, words)
            } else {
                (Decision::AssumedRefers, words)
            };
        }
        match self.used_by_owned(top(self.schema, &key.from)) {
            Some(user) => {
                (Decision::AssumedRefers, format!("optional, and rows of {} choose among its rows", user.from.table))
            }
            None => {
                (Decision::AssumedOwns, "optional, but nothing else says to which wedding the row belongs".to_owned())
            }
        }
    }

    fn itself(&self, key: &ForeignKey) -> (Decision, String) {
        match self.owned_otherwise(key) {
            Some(other) => (
                Decision::Refers,
                format!("a row of the same table; it belongs to its wedding by {}", other.from_columns.join(", ")),
            ),
            None if key.on_delete == OnDelete::Cascade => {
                (Decision::Owns, "a tree: ON DELETE CASCADE to its own parent row".to_owned())
            }
            None => (Decision::AssumedOwns, "a tree: rows below may have no other way to their wedding".to_owned()),
        }
    }

    fn outside(&self, key: &ForeignKey, to: &TableName) -> String {
        if self.identity_schemas.contains(&to.schema) {
            return format!("{} holds identities: by key alone", to.schema);
        }
        let sample = key.from_columns.first().and_then(|column| self.evidence.column(&key.from, column));
        match sample.filter(|sample| sample.distinct > 0) {
            Some(sample) if sample.filled > sample.distinct => {
                format!("{} is shared: {} sampled rows name {} of its rows", to.table, sample.filled, sample.distinct)
            }
            _ => format!("{} belongs to no wedding", to.table),
        }
    }
}
