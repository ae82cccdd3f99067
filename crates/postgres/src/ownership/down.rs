//! From weddings down to the rows of one table.

use super::{
    Error, Ids,
    graph::{Ancestry, cast, column, condition, key_order, near},
    position,
};
use crate::{
    mapping::{Bound, BoundEdge, BoundTable, KeySource, Link},
    schema::{TableName, quote_ident},
};

/// Rows of an owned table that belong to any of the weddings: `keepsake_owner text` (the root's id), then `columns` as they
/// are. Ordered by owner and key, texts in byte order. A row of several of these weddings comes once for each.
///
/// An id that is not of the root column's type fails with SQLSTATE 22P02 (or 22003), one that does not exist gives no rows.
///
/// # Errors
/// [`Error`] if the mapping does not own the table or it lacks a column.
pub fn select_rows(bound: &Bound, table: &TableName, ids: Ids, columns: &[String]) -> Result<String, Error> {
    let target = position(bound, table)?;
    let down = Down { ancestry: Ancestry::of(bound, target), ids };
    let row = down.ancestry.table(target);
    if let Some(missing) = columns.iter().find(|name| row.column(name).is_none()) {
        return Err(Error::NoColumn { table: table.clone(), column: missing.clone() });
    }
    let wanted: Vec<(String, String)> = columns.iter().map(|name| (column("t", name), quote_ident(name))).collect();
    Ok(down.statement(target, &wanted))
}

/// As [`select_rows`], with the key's columns as text.
///
/// # Errors
/// [`Error`] if the mapping does not own the table.
pub fn select_keys(bound: &Bound, table: &TableName, ids: Ids) -> Result<String, Error> {
    let target = position(bound, table)?;
    let down = Down { ancestry: Ancestry::of(bound, target), ids };
    let key = &down.ancestry.table(target).key;
    let wanted: Vec<(String, String)> =
        key.iter().map(|name| (format!("{}::text", column("t", name)), quote_ident(name))).collect();
    Ok(down.statement(target, &wanted))
}

struct Down<'a> {
    ancestry: Ancestry<'a>,
    ids: Ids,
}

impl Down<'_> {
    fn statement(&self, target: usize, wanted: &[(String, String)]) -> String {
        let table = self.ancestry.table(target);
        let list = |parts: Vec<String>| parts.join(", ");
        let mut inner = vec!["OWNER AS o".to_owned()];
        inner.extend(wanted.iter().enumerate().map(|(n, (sql, _))| format!("{sql} AS c{n}")));
        inner.extend(table.key.iter().enumerate().map(|(n, name)| format!("{} AS k{n}", column("t", name))));
        let mut order = vec!["o COLLATE \"C\"".to_owned()];
        let keys: Vec<String> = (0..table.key.len()).map(|n| format!("k{n}")).collect();
        order.extend(key_order(table, &keys));
        if table.key_source == KeySource::Mapped {
            // No index enforces the key: two rows with the same one must both come out.
            inner.extend(["t.tableoid AS r0".to_owned(), "t.ctid AS r1".to_owned()]);
            order.extend(["r0".to_owned(), "r1".to_owned()]);
        }
        let outer: Vec<String> = wanted.iter().enumerate().map(|(n, (_, name))| format!("c{n} AS {name}")).collect();
        // The owner is the root's own id, or comes from the rows above; `branches` knows which.
        let branches = self.branches(target, &inner);
        let once = self.unique(target);
        format!(
            "{with}SELECT {distinct}{owner} FROM ({branches}) u ORDER BY {order}",
            with = self.with(target),
            distinct = if once { String::new() } else { format!("DISTINCT ON ({}) ", list(order.clone())) },
            owner = list([vec!["o AS keepsake_owner".to_owned()], outer].concat()),
            branches = branches.join(" UNION ALL "),
            order = list(order),
        )
    }

    /// Whether a row can come out of the branches only once for an owner.
    fn unique(&self, target: usize) -> bool {
        let owning = &self.ancestry.table(target).owning;
        target == 0 || self.component_of(target).is_some() || (owning.len() == 1 && owning.iter().all(declared))
    }

    /// Name of the recursive expression that holds a table, if one does.
    fn component_of(&self, node: usize) -> Option<String> {
        let component = self.ancestry.components.iter().find(|component| component.contains(&node))?;
        let first = component.first()?;
        self.ancestry.recursive(component).then(|| format!("r{first}"))
    }

    /// `WITH` clause of everything above the target, and of its own component if that is recursive.
    fn with(&self, target: usize) -> String {
        let mut parts = Vec::new();
        for component in &self.ancestry.components {
            if self.ancestry.recursive(component) {
                parts.push(self.recursive(component));
            } else if let Some(node) = component.first().filter(|node| **node != target) {
                parts.push(self.plain(*node));
            }
        }
        if parts.is_empty() { String::new() } else { format!("WITH RECURSIVE {} ", parts.join(", ")) }
    }

    /// `s<n>(owner, l0, l1 ...)`: a table's owned rows by the columns that point at it.
    fn plain(&self, node: usize) -> String {
        let mut wanted = vec!["OWNER AS owner".to_owned()];
        let links = self.ancestry.links(node);
        wanted.extend(links.iter().enumerate().map(|(n, name)| format!("{} AS l{n}", column("t", name))));
        let owning = &self.ancestry.table(node).owning;
        let mut branches = self.branches(node, &wanted);
        if owning.len() == 1 && !owning.iter().all(declared) {
            branches = branches.into_iter().map(|b| b.replacen("SELECT ", "SELECT DISTINCT ", 1)).collect();
        }
        format!("s{node} AS ({})", branches.join(" UNION "))
    }

    /// One SELECT for each way into a table; `OWNER` at the start of the list stands for the owner's id.
    fn branches(&self, node: usize, list: &[String]) -> Vec<String> {
        let table = self.ancestry.table(node);
        let with_owner = |owner: &str| -> String {
            let replaced: Vec<String> = list
                .iter()
                .map(|item| item.strip_prefix("OWNER ").map_or_else(|| item.clone(), |rest| format!("{owner} {rest}")))
                .collect();
            replaced.join(", ")
        };
        if node == 0 {
            let id = column("t", &self.ancestry.bound.root_id);
            let kind = super::graph::type_of(table, &self.ancestry.bound.root_id);
            return vec![format!(
                "SELECT {} FROM {} t WHERE {id} = ANY ({}::{kind}[])",
                with_owner(&format!("{id}::text")),
                table.from_sql(),
                self.ids.sql(),
            )];
        }
        if let Some(name) = self.component_of(node) {
            let key: Vec<String> = table
                .key
                .iter()
                .enumerate()
                .map(|(n, key)| format!("{} = {}", column("t", key), cast(table, key, &format!("p.k[{}]", n + 1))))
                .collect();
            return vec![format!(
                "SELECT {} FROM {name} p JOIN {} t ON {} WHERE p.tag = {node}",
                with_owner("p.owner"),
                table.from_sql(),
                key.join(" AND "),
            )];
        }
        table
            .owning
            .iter()
            .map(|edge| {
                let (source, on) = self.join(table, edge);
                format!("SELECT {} FROM {source} p JOIN {} t ON {on}", with_owner("p.owner"), table.from_sql())
            })
            .collect()
    }

    /// The rows above an edge, and the condition that joins `t` to them as `p`.
    fn join(&self, table: &BoundTable, edge: &BoundEdge) -> (String, String) {
        let above = self.ancestry.above(edge);
        let recursive = self.component_of(above);
        let mut on = Vec::new();
        if recursive.is_some() {
            on.push(format!("p.tag = {above}"));
        }
        on.extend(self.pairs(table, edge, |n| {
            match &recursive {
                Some(_) => self.element("p", above, n),
                None => self
                    .ancestry
                    .links(above)
                    .iter()
                    .position(|link| *link == n)
                    .map_or("NULL".to_owned(), |l| format!("p.l{l}")),
            }
        }));
        (recursive.unwrap_or_else(|| format!("s{above}")), on.join(" AND "))
    }

    /// The conditions of an edge; `far` gives the value of a column above.
    fn pairs(&self, table: &BoundTable, edge: &BoundEdge, far: impl Fn(&str) -> String) -> Vec<String> {
        let mut on: Vec<String> = edge
            .to_columns
            .iter()
            .enumerate()
            .map(|(n, to)| {
                let text = if matches!(edge.links.get(n), Some(Link::Text { .. })) { "::text" } else { "" };
                format!("{} = {}{text}", near(table, edge, n, "t"), far(to))
            })
            .collect();
        on.extend(condition(table, edge, "t"));
        on
    }

    /// What a row of a recursive component carries: its key, then other columns that point at it.
    fn carried(&self, node: usize) -> Vec<String> {
        let table = self.ancestry.table(node);
        let links = self.ancestry.links(node);
        let others = links.iter().filter(|link| !table.key.iter().any(|key| key == *link)).map(ToString::to_string);
        table.key.iter().cloned().chain(others).collect()
    }

    /// A carried column, cast back.
    fn element(&self, alias: &str, node: usize, name: &str) -> String {
        let at = self.carried(node).iter().position(|carried| carried == name).map_or(0, |at| at + 1);
        cast(self.ancestry.table(node), name, &format!("{alias}.k[{at}]"))
    }

    fn carried_array(&self, node: usize) -> String {
        let parts: Vec<String> = self.carried(node).iter().map(|name| format!("{}::text", column("t", name))).collect();
        format!("ARRAY[{}]", parts.join(", "))
    }

    /// `r<first>(owner, tag, k)`: the rows of a cycle of tables. PostgreSQL allows one recursive term, so all tables share
    /// one, told apart by a tag, and the columns travel as text.
    fn recursive(&self, component: &[usize]) -> String {
        let name = format!("r{}", component.first().copied().unwrap_or_default());
        let (mut from_outside, mut inside) = (Vec::new(), Vec::new());
        for (node, _, edge) in self.ancestry.edges_of(component) {
            let (table, above) = (self.ancestry.table(node), self.ancestry.above(edge));
            let array = self.carried_array(node);
            if component.contains(&above) {
                let mut on = vec![format!("r.tag = {above}")];
                on.extend(self.pairs(table, edge, |far| self.element("r", above, far)));
                inside.push(format!(
                    "SELECT {node} AS tag, {array} AS k FROM {} t WHERE {}",
                    table.from_sql(),
                    on.join(" AND ")
                ));
            } else {
                let (source, on) = self.join(table, edge);
                from_outside.push(format!(
                    "SELECT p.owner, {node}, {array} FROM {source} p JOIN {} t ON {on}",
                    table.from_sql()
                ));
            }
        }
        format!(
            "{name}(owner, tag, k) AS (({}) UNION SELECT r.owner, x.tag, x.k FROM {name} r CROSS JOIN LATERAL ({}) x)",
            from_outside.join(" UNION "),
            inside.join(" UNION ALL "),
        )
    }
}

/// A constraint guarantees that the referenced row is one.
fn declared(edge: &BoundEdge) -> bool {
    edge.constraint.is_some()
}
