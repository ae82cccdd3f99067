//! Foreign keys without an index, which make every capture and every delete read whole tables (safety rule S11).

use crate::{
    mapping::{EdgeColumn, Mapping},
    schema::{Schema, Table, TableKind, TableName, quote_ident},
};

/// An index that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingIndex {
    /// The table to index.
    pub table: TableName,
    /// What to index.
    pub columns: Vec<String>,
    /// The statement that makes it.
    pub statement: String,
    /// Captures read the whole table for want of it; else only restores that delete are slow.
    pub capture: bool,
    /// Rows of the table as the planner has it; negative if never analysed.
    pub estimated_rows: i64,
}

/// Indexes that the edges of a mapping want, those for captures first, big tables first.
pub fn missing(schema: &Schema, mapping: &Mapping) -> Vec<MissingIndex> {
    let mut found: Vec<MissingIndex> = Vec::new();
    let mut add = |table: &Table, columns: &[EdgeColumn], capture: bool| {
        if served(table, columns) {
            return;
        }
        let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
        match found.iter_mut().find(|have| have.table == table.name && have.columns == names) {
            Some(have) => have.capture |= capture,
            None => found.push(MissingIndex {
                table: table.name.clone(),
                statement: statement(table, columns),
                columns: names,
                capture,
                estimated_rows: table.estimated_rows,
            }),
        }
    };
    let owned =
        |name: &TableName| *name == mapping.wedding.table || mapping.tables.iter().any(|table| table.name == *name);
    for edge in mapping.edges.iter().filter(|edge| owned(&edge.to)) {
        let Ok(columns) = edge.columns.iter().map(|column| column.parse()).collect::<Result<Vec<EdgeColumn>, _>>()
        else {
            continue;
        };
        if let Some(table) = schema.tables.get(&edge.from) {
            add(table, &columns, edge.decision.owns());
        }
        if let Some(table) = schema.tables.get(&edge.to).filter(|_| edge.is_virtual && edge.decision.owns()) {
            let far: Vec<EdgeColumn> =
                edge.to_columns.iter().map(|name| EdgeColumn { column: name.clone(), path: Vec::new() }).collect();
            add(table, &far, true);
        }
    }
    found.sort_by(|a, b| {
        (b.capture, b.estimated_rows, &a.table, &a.columns).cmp(&(a.capture, a.estimated_rows, &b.table, &b.columns))
    });
    found
}

/// An index serves if its first columns are the edge's, in any order.
fn served(table: &Table, columns: &[EdgeColumn]) -> bool {
    table.index_columns.iter().any(|index| {
        index.get(..columns.len()).is_some_and(|leading| {
            columns.iter().all(|column| column.path.is_empty() && leading.contains(&column.column))
        })
    })
}

fn statement(table: &Table, columns: &[EdgeColumn]) -> String {
    // A partitioned table cannot be indexed concurrently.
    let how = if matches!(table.kind, TableKind::Partitioned { .. }) { "" } else { "CONCURRENTLY " };
    let list: Vec<String> = columns
        .iter()
        .map(|column| {
            if column.path.is_empty() {
                return quote_ident(&column.column);
            }
            let sql = column.sql("t");
            sql.strip_prefix("(t.").map_or(sql.clone(), |rest| format!("({rest}"))
        })
        .collect();
    format!("CREATE INDEX {how}ON {} ({});", table.name.sql(), list.join(", "))
}
