//! A mapping resolved against one database: what ownership, capture and restore work with.

use super::{Decision, EdgeColumn, FileColumn, OnlyWhere, Rules};
use crate::schema::{Column, Comparison, ForeignKey, TableKind, TableName, comparison};
use keepsake_domain::Group;
use std::collections::BTreeMap;

/// A mapping that fits a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The root's column by which weddings are named.
    pub root_id: String,
    /// The database keeps that column unique. Where it does not (it is one part of a composite key), a caller must refuse an id
    /// that names more than one row of the root, since ownership is told by the id.
    pub root_id_unique: bool,
    /// Owned tables, the root first, parents before children along owning edges.
    pub tables: Vec<BoundTable>,
    /// Positions in `tables` of those that reference one another in a cycle by any constraint or edge, referenced ones first:
    /// with checks on, the rows of one component must go in with one statement.
    pub components: Vec<Vec<usize>>,
    /// The same along owning edges alone.
    pub owning_components: Vec<Vec<usize>>,
    /// Tables outside that owned rows refer to.
    pub shared: BTreeMap<TableName, Shared>,
    /// Foreign keys of owned tables that the mapping does not decide; they are treated as `assumed-refers`.
    pub undecided: Vec<ForeignKey>,
    /// Foreign keys from tables outside to owned ones: their rows must not be left dangling.
    pub incoming: Vec<ForeignKey>,
    /// The mapping's rules.
    pub rules: Rules,
}

/// An owned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundTable {
    /// Its name; never a partition.
    pub name: TableName,
    /// Ordinary, partitioned or inherited.
    pub kind: TableKind,
    /// Its group; [`Group::Wedding`] for the root alone.
    pub group: Group,
    /// Every column in attribute order, generated ones included.
    pub columns: Vec<Column>,
    /// Columns that identify a row, all NOT NULL, never empty.
    pub key: Vec<String>,
    /// Where the key comes from.
    pub key_source: KeySource,
    /// Edges to the tables that own its rows; empty for the root alone.
    pub owning: Vec<BoundEdge>,
    /// Edges to shared rows, and to owned tables without being owned by them.
    pub referring: Vec<BoundEdge>,
    /// Columns that name files.
    pub files: Vec<FileColumn>,
}

/// Why a table's key identifies its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySource {
    /// The primary key.
    PrimaryKey,
    /// The unique index of its replica identity.
    ReplicaIdentity,
    /// A unique index on columns that are NOT NULL.
    UniqueIndex,
    /// The mapping says so; no index enforces it, so a capture must check it.
    Mapped,
}

/// One edge with what the database says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundEdge {
    /// The referencing table; never a partition.
    pub from: TableName,
    /// Its columns.
    pub columns: Vec<EdgeColumn>,
    /// The referenced table; never a partition.
    pub to: TableName,
    /// Its columns, in the same order.
    pub to_columns: Vec<String>,
    /// How each pair is compared.
    pub links: Vec<Link>,
    /// The decision; `AssumedRefers` if the mapping says nothing of this constraint.
    pub decision: Decision,
    /// Name of the constraint; `None` for a virtual edge.
    pub constraint: Option<String>,
    /// A row may have no parent by this edge: a column is nullable, a path, or the edge is conditional.
    pub nullable: bool,
    /// The condition of a polymorphic edge.
    pub only_where: Option<OnlyWhere>,
    /// The referenced table is an owned one or the root.
    pub inside: bool,
}

/// How a column is compared with the referenced one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// By `=`, as the constraint does.
    Direct,
    /// As text, because the types differ or the value comes out of JSON.
    Text {
        /// Type of the referenced column.
        to: Comparison,
    },
}

/// A table outside the wedding that owned rows refer to (safety rule S5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Its name; never a partition.
    pub name: TableName,
    /// Its primary key, or else the columns first referred to.
    pub key: Vec<String>,
    /// Columns captured: the key, other columns referred to, display columns. In an identity schema nothing else than
    /// columns referred to.
    pub columns: Vec<String>,
    /// In an identity or secret schema: key alone, never inserted.
    pub identity: bool,
}

impl Bound {
    /// The root, always the first table.
    pub fn root(&self) -> &BoundTable {
        self.tables.first().expect("bind puts the root first")
    }

    /// An owned table by name.
    pub fn table(&self, name: &TableName) -> Option<&BoundTable> {
        self.tables.iter().find(|table| &table.name == name)
    }

    /// Its position in `tables`.
    pub fn position(&self, name: &TableName) -> Option<usize> {
        self.tables.iter().position(|table| &table.name == name)
    }

    /// Every edge, owning and referring.
    pub fn edges(&self) -> impl Iterator<Item = &BoundEdge> {
        self.tables.iter().flat_map(|table| table.owning.iter().chain(&table.referring))
    }

    /// Edges that nobody has decided: a restore shows them.
    pub fn assumed(&self) -> impl Iterator<Item = &BoundEdge> {
        self.edges().filter(|edge| edge.decision.assumed())
    }

    /// Foreign keys from tables that the mapping neither owns nor leaves out: perhaps part of a wedding, and not captured.
    pub fn unmapped(&self) -> impl Iterator<Item = &ForeignKey> {
        self.incoming.iter().filter(|key| !self.rules.tables_left_out.contains(&key.from))
    }
}

impl BoundTable {
    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Columns that a capture reads and a restore writes: all but generated ones.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.generated)
    }

    /// How values of one of its columns are compared with text.
    pub fn comparison(&self, column: &str) -> Option<Comparison> {
        self.column(column).map(comparison)
    }

    /// The table for a FROM clause. `ONLY` keeps rows of inheriting tables out, which are tables of their own here; a
    /// partitioned table is read through itself.
    pub fn from_sql(&self) -> String {
        match self.kind {
            TableKind::Partitioned { .. } => self.name.sql(),
            _ => format!("ONLY {}", self.name.sql()),
        }
    }
}
