//! What samples of the data say: counts only, never values.

use crate::{mapping::Decision, schema::TableName};
use std::collections::{BTreeMap, BTreeSet};

/// Everything learnt from samples and from the role's rights. Empty if nothing was sampled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Rows looked at, by table.
    pub rows: BTreeMap<TableName, u64>,
    /// Columns, by table and name.
    pub columns: BTreeMap<(TableName, String), ColumnSample>,
    /// Values of an undeclared reference and how many of them exist in the table it seems to point at: (table, column, target).
    pub found: BTreeMap<(TableName, String, TableName), (u64, u64)>,
    /// Words in a column that tells the type of a polymorphic reference, such as `Guest`.
    pub kinds: BTreeMap<(TableName, String), BTreeSet<String>>,
    /// Keys ending in `id` of sampled JSON objects.
    pub json_keys: BTreeMap<(TableName, String), BTreeSet<String>>,
    /// Sampled rows of tables whose owners are not certain by their keys: how many, those of no wedding, those of several.
    pub disputed: BTreeMap<TableName, (u64, u64, u64)>,
    /// The role that looked.
    pub role: Option<String>,
    /// Tables that it may not read.
    pub unreadable: BTreeSet<TableName>,
    /// Tables of which row-level security hides rows from it.
    pub filtered: BTreeSet<TableName>,
    /// Samples left out because they failed or took too long.
    pub failed: BTreeSet<TableName>,
}

/// What a sample says of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSample {
    /// Values that are not NULL.
    pub filled: u64,
    /// Different ones among them.
    pub distinct: u64,
    /// Those that end like a file name.
    pub like_files: u64,
    /// Those with a slash.
    pub slashes: u64,
    /// Those that begin with a scheme.
    pub urls: u64,
    /// Scheme and host, if all URLs share them.
    pub prefix: Option<String>,
}

/// Identifies an edge across proposals.
pub type EdgeKey = (TableName, Vec<String>, TableName, Option<String>);

/// What a person decided, by edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(pub BTreeMap<EdgeKey, Decision>);

impl Evidence {
    /// A column's sample.
    pub fn column(&self, table: &TableName, column: &str) -> Option<&ColumnSample> {
        self.columns.get(&(table.clone(), column.to_owned()))
    }
}
