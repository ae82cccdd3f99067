//! The part of the ownership graph above one table, and the expressions of its edges.

use crate::{
    mapping::{Bound, BoundEdge, BoundTable, Link},
    schema::{Comparison, quote_ident, quote_literal},
};
use std::collections::BTreeSet;

/// The tables from which ownership can reach one table, in components, owners first.
pub struct Ancestry<'a> {
    pub bound: &'a Bound,
    /// Positions of the tables: the target and everything above it.
    pub members: BTreeSet<usize>,
    /// Their components along owning edges, owners first; the target's comes last.
    pub components: Vec<Vec<usize>>,
}

impl<'a> Ancestry<'a> {
    pub fn of(bound: &'a Bound, target: usize) -> Self {
        let mut members = BTreeSet::new();
        let mut open = vec![target];
        while let Some(node) = open.pop() {
            if members.insert(node)
                && let Some(table) = bound.tables.get(node)
            {
                open.extend(table.owning.iter().filter_map(|edge| bound.position(&edge.to)));
            }
        }
        // All of a component is above the target as soon as one of it is.
        let components = bound
            .owning_components
            .iter()
            .filter(|component| component.first().is_some_and(|first| members.contains(first)))
            .cloned()
            .collect();
        Self { bound, members, components }
    }

    pub fn table(&self, node: usize) -> &'a BoundTable {
        self.bound.tables.get(node).expect("members are positions in the bound tables")
    }

    /// Position of the table that an edge leads to.
    pub fn above(&self, edge: &BoundEdge) -> usize {
        self.bound.position(&edge.to).expect("owning edges lead to owned tables: bind checks it")
    }

    /// Whether a component needs recursion: several tables, or one that owns rows of itself.
    pub fn recursive(&self, component: &[usize]) -> bool {
        component.len() > 1
            || component.first().is_some_and(|node| self.table(*node).owning.iter().any(|e| self.above(e) == *node))
    }

    /// Edges from members of a component.
    pub fn edges_of<'s>(&'s self, component: &'s [usize]) -> impl Iterator<Item = (usize, usize, &'a BoundEdge)> + 's {
        component
            .iter()
            .flat_map(move |node| self.table(*node).owning.iter().enumerate().map(move |(n, edge)| (*node, n, edge)))
    }

    /// Columns of a table by which members point at it, in a fixed order.
    pub fn links(&self, node: usize) -> Vec<&'a str> {
        let name = &self.table(node).name;
        let mut columns: Vec<&str> = Vec::new();
        for member in &self.members {
            for edge in self.table(*member).owning.iter().filter(|edge| &edge.to == name) {
                for column in &edge.to_columns {
                    if !columns.contains(&column.as_str()) {
                        columns.push(column);
                    }
                }
            }
        }
        columns
    }
}

/// A column of a table's alias.
pub fn column(alias: &str, name: &str) -> String {
    format!("{alias}.{}", quote_ident(name))
}

/// The type by which a column is compared.
pub fn type_of(table: &BoundTable, name: &str) -> String {
    table.comparison(name).map_or_else(|| "text".to_owned(), |comparison| comparison.sql().to_owned())
}

/// A text cast back to a column's type.
pub fn cast(table: &BoundTable, name: &str, text: &str) -> String {
    format!("({text})::{}", type_of(table, name))
}

/// The near end of pair `n` of an edge: the column as it is where it joins directly, else as text.
pub fn near(table: &BoundTable, edge: &BoundEdge, n: usize, alias: &str) -> String {
    let Some(column) = edge.columns.get(n) else { return "NULL".to_owned() };
    let sql = column.sql(alias);
    let is_text = !column.path.is_empty() || table.comparison(&column.column).is_some_and(|c| c.is_text());
    match edge.links.get(n) {
        Some(Link::Text { .. }) if !is_text => format!("{sql}::text"),
        _ => sql,
    }
}

/// The condition of a polymorphic edge, if it has one.
pub fn condition(table: &BoundTable, edge: &BoundEdge, alias: &str) -> Option<String> {
    let only = edge.only_where.as_ref()?;
    let is_text = table.comparison(&only.column).is_some_and(|comparison| comparison.is_text());
    let text = if is_text { "" } else { "::text" };
    Some(format!("{}{text} = {}", column(alias, &only.column), quote_literal(&only.equals)))
}

/// ORDER BY terms of a table's key: byte order for texts, so that every server and locale sorts alike.
pub fn key_order(table: &BoundTable, expressions: &[String]) -> Vec<String> {
    let text = |name: &String| table.column(name).is_some_and(|column| column.category == 'S');
    let collate =
        |(name, sql): (&String, &String)| if text(name) { format!("{sql} COLLATE \"C\"") } else { sql.clone() };
    table.key.iter().zip(expressions).map(collate).collect()
}

/// Equality of a column and a value that is compared as text, because its own type is another or it comes out of JSON.
/// The index on the column serves only values of the column's type, and a text that is none must not fail.
pub fn equals_text(column: &str, kind: &Comparison, value: &str) -> String {
    let as_text = if kind.is_text() { column.to_owned() } else { format!("{column}::text") };
    match guarded(kind) {
        Some((pattern, typed)) => {
            format!("{column} = CASE WHEN {value} ~ '{pattern}' THEN ({value})::{typed} END AND {as_text} = {value}")
        }
        None => format!("{as_text} = {value}"),
    }
}

/// What a text must look like to be a value of a type, and the type to cast it to. Integers are compared as `bigint`, up to
/// 9.2e18, so that no cast overflows.
fn guarded(kind: &Comparison) -> Option<(&'static str, &'static str)> {
    const INTEGER: &str = "^-?([0-9]{1,18}|[1-8][0-9]{18}|9[01][0-9]{17}|92[01][0-9]{16})$";
    const UUID: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
    match kind.sql() {
        "uuid" => Some((UUID, "uuid")),
        _ if kind.is_integer() => Some((INTEGER, "bigint")),
        _ => None,
    }
}
