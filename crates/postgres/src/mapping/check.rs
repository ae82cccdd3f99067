//! What can be wrong with a mapping before any database is looked at.

use super::{EdgeColumn, Mapping, Mismatch, Place};
use crate::schema::TableName;
use keepsake_domain::Group;
use std::collections::{BTreeMap, BTreeSet};

/// More owned tables than any application has; it bounds the graph walks.
const TABLES_MAX: usize = 5_000;
/// More edges than any application has.
const EDGES_MAX: usize = 50_000;

impl Mapping {
    /// Contradictions and repetitions, with their places.
    pub(super) fn check(&self) -> Vec<Mismatch> {
        let mut problems = Vec::new();
        if self.tables.len() > TABLES_MAX {
            problems.push(Mismatch::new(Place::of(["table".into()]), format!("more than {TABLES_MAX} tables")));
            return problems;
        }
        if self.edges.len() > EDGES_MAX {
            problems.push(Mismatch::new(Place::of(["edge".into()]), format!("more than {EDGES_MAX} edges")));
            return problems;
        }
        let owned = self.check_tables(&mut problems);
        self.check_edges(&owned, &mut problems);
        self.check_files(&owned, &mut problems);
        for (n, table) in self.rules.tables_left_out.iter().enumerate() {
            if owned.contains(table) {
                let place = Place::of(["rules".into(), "tables_left_out".into(), n.into()]);
                problems.push(Mismatch::new(place, format!("{table} is both owned and left out: remove one")));
            }
        }
        problems
    }

    fn check_tables(&self, problems: &mut Vec<Mismatch>) -> BTreeSet<&TableName> {
        let mut owned = BTreeSet::from([&self.wedding.table]);
        for (n, table) in self.tables.iter().enumerate() {
            let place = Place::of(["table".into(), n.into()]);
            if table.name == self.wedding.table {
                let message = "the root table belongs to `[wedding]` alone and is not repeated here";
                problems.push(Mismatch::new(place.then("name"), message));
            } else if !owned.insert(&table.name) {
                problems.push(Mismatch::new(place.then("name"), format!("{} is named twice", table.name)));
            }
            if table.group == Group::Wedding {
                let message = "the group `wedding` holds the root row alone: use another, such as other";
                problems.push(Mismatch::new(place.then("group"), message));
            }
            let mut seen = BTreeSet::new();
            if let Some(twice) = table.key.iter().position(|column| !seen.insert(column)) {
                problems.push(Mismatch::new(place.then("key").then(twice), "this column is named twice"));
            }
        }
        owned
    }

    fn check_edges(&self, owned: &BTreeSet<&TableName>, problems: &mut Vec<Mismatch>) {
        let mut seen = BTreeMap::new();
        for (n, edge) in self.edges.iter().enumerate() {
            let place = Place::of(["edge".into(), n.into()]);
            let mut wrong = |field: &str, message: String| {
                problems.push(Mismatch::new(if field.is_empty() { place.clone() } else { place.then(field) }, message));
            };
            if edge.columns.is_empty() || edge.columns.len() != edge.to_columns.len() {
                wrong("columns", "an edge needs as many `columns` as `to_columns`, at least one".to_owned());
            }
            for column in &edge.columns {
                match column.parse::<EdgeColumn>() {
                    Err(error) => wrong("columns", error.to_string()),
                    Ok(parsed) if !edge.is_virtual && !parsed.path.is_empty() => {
                        wrong(
                            "columns",
                            "only a virtual edge can go through a JSON path: add `virtual = true`".to_owned(),
                        );
                    }
                    Ok(_) => {}
                }
            }
            if edge.only_where.is_some() && !edge.is_virtual {
                wrong("only_where", "only a virtual edge can hold on a condition: add `virtual = true`".to_owned());
            }
            if edge.decision.owns() {
                if edge.from == self.wedding.table {
                    wrong("decision", "the root cannot be owned: use refers".to_owned());
                } else if !owned.contains(&edge.from) {
                    wrong(
                        "from",
                        format!("{} is not an owned table: add a [[table]] for it, or use refers", edge.from),
                    );
                }
                if !owned.contains(&edge.to) {
                    wrong("to", format!("{} is not an owned table: add a [[table]] for it, or use refers", edge.to));
                }
            }
            let identity = (
                &edge.from,
                &edge.columns,
                &edge.to,
                &edge.to_columns,
                edge.only_where.as_ref().map(|w| (&w.column, &w.equals)),
            );
            if let Some(first) = seen.insert(identity, n) {
                wrong("", format!("this edge is decided twice; the first is edge {}", first + 1));
            }
        }
    }

    fn check_files(&self, owned: &BTreeSet<&TableName>, problems: &mut Vec<Mismatch>) {
        let mut seen = BTreeSet::new();
        for (n, file) in self.files.iter().enumerate() {
            let place = Place::of(["file".into(), n.into()]);
            if !owned.contains(&file.table) {
                problems.push(Mismatch::new(place.then("table"), format!("{} is not an owned table", file.table)));
            }
            if !seen.insert((&file.table, &file.column)) {
                problems.push(Mismatch::new(place.then("column"), "this column is named twice"));
            }
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if file.store.is_empty()
                || file.store.len() > 100
                || file.store.starts_with('.')
                || !file.store.chars().all(plain)
            {
                let message = "a store's name is a folder in the capture: 1 to 100 letters, digits, `-`, `_` or `.`, no leading dot";
                problems.push(Mismatch::new(place.then("store"), message));
            }
        }
    }
}
