//! What identifies a row of a table.

use crate::{
    mapping::{BoundTable, KeySource},
    schema::{Identity, Table, TableKind},
};

/// Column names of the partition key, where it is made of plain columns.
pub(crate) fn partition_columns(table: &Table) -> Vec<String> {
    let TableKind::Partitioned { key } = &table.kind else { return Vec::new() };
    let Some((_, list)) = key.split_once('(') else { return Vec::new() };
    let list = list.trim_end().trim_end_matches(')');
    let named = list.split(',').map(|part| part.trim().trim_matches('"').replace("\"\"", "\""));
    named.filter(|name| table.column(name).is_some()).collect()
}

/// What identifies a row: the bound key. Of a partitioned table the primary key must contain the partition key, which may
/// change (safety rule S4): where the rest of it names rows by itself, the rest is the identity. A mapped key of all columns
/// that no index enforces is none: rows are then matched by their content, copy by copy.
pub(crate) fn identity(table: &Table, bound: &BoundTable, partition: &[String]) -> Vec<String> {
    if bound.key_source == KeySource::Mapped && table.stored_columns().all(|column| bound.key.contains(&column.name)) {
        return Vec::new();
    }
    if bound.key_source != KeySource::PrimaryKey {
        return bound.key.clone();
    }
    let rest: Vec<String> = bound.key.iter().filter(|name| !partition.contains(name)).cloned().collect();
    let generated = |name: &String| {
        table.column(name).is_some_and(|column| {
            column.base_type == "uuid"
                || column.identity != Identity::None
                || column.default.as_deref().is_some_and(|text| text.contains("nextval("))
        })
    };
    if rest.len() < bound.key.len() && rest.iter().any(generated) { rest } else { bound.key.clone() }
}
