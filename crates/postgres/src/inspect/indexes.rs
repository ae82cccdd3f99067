//! Foreign keys without an index, which make every capture and every delete read whole tables (safety rule S11).

use crate::{
    mapping::{EdgeColumn, Mapping, OnlyWhere},
    schema::{Schema, SpecialIndex, Table, TableKind, TableName, quote_ident},
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
    let mut add = |table: &Table, columns: &[EdgeColumn], only_where: Option<&OnlyWhere>, capture: bool| {
        if served(table, columns, only_where) {
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
            add(table, &columns, edge.only_where.as_ref(), edge.decision.owns());
        }
        if let Some(table) = schema.tables.get(&edge.to).filter(|_| edge.is_virtual && edge.decision.owns()) {
            let far: Vec<EdgeColumn> =
                edge.to_columns.iter().map(|name| EdgeColumn { column: name.clone(), path: Vec::new() }).collect();
            add(table, &far, None, true);
        }
    }
    found.sort_by(|a, b| {
        (b.capture, b.estimated_rows, &a.table, &a.columns).cmp(&(a.capture, a.estimated_rows, &b.table, &b.columns))
    });
    found
}

/// An index serves if its first columns are the edge's, in any order, and if it has every row that the edge holds for.
fn served(table: &Table, columns: &[EdgeColumn], only_where: Option<&OnlyWhere>) -> bool {
    let plain = table.index_columns.iter().any(|index| {
        index.get(..columns.len()).is_some_and(|leading| {
            columns.iter().all(|column| column.path.is_empty() && leading.contains(&column.column))
        })
    });
    plain || table.special_indexes.iter().any(|index| serves(index, columns, only_where))
}

/// Texts are compared, not meanings: of what a server could prove, only this is recognised. A predicate must be made of
/// the edge's own condition and of its columns being not null, which every row that is looked up by them is.
fn serves(index: &SpecialIndex, columns: &[EdgeColumn], only_where: Option<&OnlyWhere>) -> bool {
    let wanted: Vec<[String; 2]> = columns.iter().map(written).collect();
    let mut implied: Vec<String> = wanted.iter().flatten().map(|column| format!("{column} IS NOT NULL")).collect();
    if let Some(only) = only_where {
        let value = only.equals.replace('\'', "''");
        for name in names(&only.column) {
            // Captures compare as text; of other types than text the server cannot tell that it is the same.
            implied.extend([format!("{name} = '{value}'::text"), format!("{name}::text = '{value}'::text")]);
        }
    }
    let leading: Option<Vec<String>> =
        index.keys.get(..columns.len()).map(|keys| keys.iter().map(|key| unbracketed(key)).collect());
    let on_columns =
        leading.is_some_and(|keys| wanted.iter().all(|forms| forms.iter().any(|form| keys.contains(form))));
    on_columns
        && index.predicate.as_deref().is_none_or(|predicate| {
            unbracketed(predicate).split(" AND ").all(|condition| implied.iter().any(|form| form == condition))
        })
}

/// How the server writes a column or path in an index, but for parentheses.
fn written(column: &EdgeColumn) -> [String; 2] {
    names(&column.column).map(|mut text| {
        for (n, key) in column.path.iter().enumerate() {
            let arrow = if n + 1 == column.path.len() { "->>" } else { "->" };
            text.push_str(&format!(" {arrow} '{}'::text", key.replace('\'', "''")));
        }
        text
    })
}

/// A column's name without and with quotes; the server quotes where it must.
fn names(column: &str) -> [String; 2] {
    [column.to_owned(), quote_ident(column)]
}

/// An expression without the parentheses outside of its quotes. In a chain of arrows or ANDs they mean nothing, and
/// anything else is like none of the texts that it is compared with.
fn unbracketed(expression: &str) -> String {
    let mut quote = None;
    let keep = |letter: &char| match (quote, letter) {
        (None, '(' | ')') => false,
        (None, '\'' | '"') => {
            quote = Some(*letter);
            true
        }
        (Some(open), letter) => {
            if open == *letter {
                quote = None;
            }
            true
        }
        _ => true,
    };
    expression.chars().filter(keep).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keys: &[&str], predicate: Option<&str>) -> SpecialIndex {
        SpecialIndex {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            predicate: predicate.map(str::to_owned),
        }
    }

    #[test]
    fn predicates_count_only_if_they_are_all_implied() {
        let columns: Vec<EdgeColumn> = vec!["subject_id".parse().unwrap()];
        let only = OnlyWhere { column: "Kind".to_owned(), equals: "it's (x)".to_owned() };
        let with = |predicate: &str, only: Option<&OnlyWhere>| {
            serves(&index(&["subject_id"], Some(predicate)), &columns, only)
        };
        let same = "((subject_id IS NOT NULL) AND ((\"Kind\")::text = 'it''s (x)'::text))";
        assert!(with(same, Some(&only)) && !with(same, None), "without a condition the edge holds for other rows too");
        assert!(with("(subject_id IS NOT NULL)", None));
        for none in [
            "(\"Kind\" = 'it''s x'::text)",
            "((subject_id IS NOT NULL) OR (\"Kind\" = 'it''s (x)'::text))",
            "(NOT (subject_id IS NOT NULL))",
            "(other IS NOT NULL)",
            "((subject_id IS NOT NULL) AND (subject_id > 5))",
        ] {
            assert!(!with(none, Some(&only)), "{none}");
        }
    }
}
