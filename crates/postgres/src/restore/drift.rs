//! How a live table differs from what was captured, and what of it stops a restore.

use crate::{
    capture::TableEntry,
    schema::{Column, Identity, Schema, Table},
};
use serde::Serialize;

/// Differences of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Captured columns that live has no more: their values stay in the capture only.
    pub dropped: Vec<String>,
    /// Live columns that the capture does not know: restored rows get their default, existing ones keep theirs.
    pub added: Vec<String>,
    /// Of these, columns that must have a value and have no default: no row can be inserted.
    pub unfillable: Vec<String>,
    /// Columns whose type changed: their captured values are converted by the server, or the table is refused.
    pub retyped: Vec<Retyped>,
}

/// A column whose type changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retyped {
    /// The column.
    pub column: String,
    /// Type at the capture.
    pub was: String,
    /// Type now.
    pub is: String,
}

impl Drift {
    /// Whether the table is as it was.
    pub fn is_none(&self) -> bool {
        self.dropped.is_empty() && self.added.is_empty() && self.retyped.is_empty()
    }
}

/// Compares a live table with its captured description. Without the captured schema only names are compared.
pub(crate) fn compare(
    live: &Table,
    entry: Option<&TableEntry>,
    before: Option<&Table>,
    captured: Option<&Schema>,
    schema: &Schema,
) -> Drift {
    let Some(entry) = entry else { return Drift::default() };
    let stored = |name: &String| live.stored_columns().any(|column| &column.name == name);
    let dropped = entry.columns.iter().filter(|name| !stored(name)).cloned().collect();
    let new: Vec<&Column> = live.stored_columns().filter(|column| !entry.columns.contains(&column.name)).collect();
    let unfillable =
        new.iter().filter(|column| column.not_null && column.default.is_none() && column.identity == Identity::None);
    let retyped = live.stored_columns().filter_map(|column| {
        let was = before?.column(&column.name)?;
        let labels =
            |schema: &Schema, column: &Column| schema.enums.get(column.base_type.trim_end_matches("[]")).cloned();
        let relabelled = captured.is_some_and(|old| labels(old, was) != labels(schema, column));
        let changed = was.type_name != column.type_name || was.base_type != column.base_type || relabelled;
        changed.then(|| Retyped {
            column: column.name.clone(),
            was: was.type_name.clone(),
            is: column.type_name.clone(),
        })
    });
    Drift {
        dropped,
        unfillable: unfillable.map(|column| column.name.clone()).collect(),
        retyped: retyped.collect(),
        added: new.iter().map(|column| column.name.clone()).collect(),
    }
}

/// A type without its modifier, for finding out whether a conversion loses anything: `numeric(10,2)` -> `numeric`.
pub(crate) fn without_modifier(type_name: &str) -> Option<String> {
    let (before, rest) = type_name.split_once('(')?;
    let (_, after) = rest.split_once(')')?;
    // The bare names `character` and `bit` mean a length of one.
    let before = match before {
        "character" => "pg_catalog.bpchar",
        "bit" => "bit varying",
        other => other,
    };
    Some(format!("{before}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_taken_off_types() {
        for (full, bare) in [
            ("numeric(10,2)", Some("numeric")),
            ("character varying(5)[]", Some("character varying[]")),
            ("timestamp(0) with time zone", Some("timestamp with time zone")),
            ("character(3)", Some("pg_catalog.bpchar")),
            ("uuid", None),
        ] {
            assert_eq!(without_modifier(full).as_deref(), bare);
        }
    }
}
