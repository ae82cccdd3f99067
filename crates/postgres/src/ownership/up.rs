//! From rows of one table up to the weddings that own them.

use super::{
    Error,
    graph::{Ancestry, cast, column, condition, equals_text, near},
    position,
};
use crate::{
    mapping::{Bound, BoundEdge, Link},
    schema::TableName,
};

/// The owners of rows given by key. Parameters: one `text[]` for each key column, in key order, all of one length. Result, for
/// each element from 1: `n bigint`, `present boolean` (there is such a row), `owners text[]` (ids of the roots that own it,
/// sorted, see the module's documentation).
///
/// Under READ COMMITTED it sees what is committed when it starts: to act on the answer, lock the rows first (safety rule S1).
///
/// # Errors
/// [`Error`] if the mapping does not own the table.
pub fn owners_of(bound: &Bound, table: &TableName) -> Result<String, Error> {
    let target = position(bound, table)?;
    let up = Up { ancestry: Ancestry::of(bound, target), target };
    let key = &up.ancestry.table(target).key;
    let arrays: Vec<String> = (1..=key.len()).map(|n| format!("${n}::text[]")).collect();
    let names: Vec<String> = (0..key.len()).map(|n| format!("v{n}")).collect();
    let mut parts = vec![format!(
        "q AS (SELECT * FROM unnest({}) WITH ORDINALITY AS q({}, n))",
        arrays.join(", "),
        names.join(", ")
    )];
    // Rows pass upwards: the target's component comes first.
    for component in up.ancestry.components.iter().rev() {
        if up.ancestry.recursive(component) {
            parts.push(up.recursive(component));
        } else if let Some(node) = component.first() {
            parts.push(up.plain(*node));
        }
    }
    let present = match up.component_of(target) {
        Some(name) => format!("SELECT n FROM {name} WHERE tag = {target}"),
        None => format!("SELECT n FROM u{target}"),
    };
    // Grouped once and joined: a subquery for each row would walk the whole way up again for each.
    Ok(format!(
        "WITH RECURSIVE {}, \
         o AS (SELECT n, array_agg(DISTINCT owner COLLATE \"C\" ORDER BY owner COLLATE \"C\") AS owners FROM u0 GROUP BY n), \
         p AS (SELECT DISTINCT n FROM ({present}) s) \
         SELECT q.n, p.n IS NOT NULL AS present, coalesce(o.owners, '{{}}') AS owners \
         FROM q LEFT JOIN p ON p.n = q.n LEFT JOIN o ON o.n = q.n ORDER BY q.n",
        parts.join(", "),
    ))
}

struct Up<'a> {
    ancestry: Ancestry<'a>,
    target: usize,
}

impl Up<'_> {
    fn component_of(&self, node: usize) -> Option<String> {
        let component = self.ancestry.components.iter().find(|component| component.contains(&node))?;
        let first = component.first()?;
        self.ancestry.recursive(component).then(|| format!("w{first}"))
    }

    /// What a row carries upwards: the near ends of its owning edges, NULL where a condition does not hold.
    fn carried(&self, node: usize) -> Vec<String> {
        let table = self.ancestry.table(node);
        let mut all = Vec::new();
        for edge in &table.owning {
            for n in 0..edge.columns.len() {
                let value = near(table, edge, n, "t");
                all.push(match condition(table, edge, "t") {
                    Some(condition) => format!("CASE WHEN {condition} THEN {value} END"),
                    None => value,
                });
            }
        }
        all
    }

    /// Position among the carried values of pair `n` of a table's owning edge.
    fn carried_at(&self, node: usize, edge: usize, n: usize) -> usize {
        self.ancestry.table(node).owning.iter().take(edge).map(|edge| edge.columns.len()).sum::<usize>() + n
    }

    /// Joins the target itself to the keys asked for.
    fn start(&self, list: &str) -> String {
        let table = self.ancestry.table(self.target);
        let on: Vec<String> = table
            .key
            .iter()
            .enumerate()
            .map(|(n, key)| format!("{} = {}", column("t", key), cast(table, key, &format!("q.v{n}"))))
            .collect();
        format!("SELECT {list} FROM q JOIN {} t ON {}", table.from_sql(), on.join(" AND "))
    }

    /// Edges of members outside `component` that lead to `node`.
    fn into<'s>(&'s self, node: usize, component: &'s [usize]) -> Vec<(usize, usize, &'s BoundEdge)> {
        let name = &self.ancestry.table(node).name;
        let mut edges = Vec::new();
        for member in self.ancestry.members.iter().filter(|member| !component.contains(member)) {
            for (n, edge) in self.ancestry.table(*member).owning.iter().enumerate().filter(|(_, e)| &e.to == name) {
                edges.push((*member, n, edge));
            }
        }
        edges
    }

    /// Joins `node` as `t` to the rows below one edge as `c`.
    fn step(&self, list: &str, node: usize, (member, n, edge): (usize, usize, &BoundEdge)) -> String {
        let table = self.ancestry.table(node);
        let recursive = self.component_of(member);
        let mut on = Vec::new();
        if recursive.is_some() {
            on.push(format!("c.tag = {member}"));
        }
        on.extend(Self::pairs(edge, |pair| match &recursive {
            Some(_) => self.element("c", member, n, pair),
            None => format!("c.e{}", self.carried_at(member, n, pair)),
        }));
        let source = recursive.unwrap_or_else(|| format!("u{member}"));
        format!("SELECT {list} FROM {source} c JOIN {} t ON {}", table.from_sql(), on.join(" AND "))
    }

    /// `u<node>(n, e0, e1 ...)`, or `u0(n, owner)` for the root.
    fn plain(&self, node: usize) -> String {
        let list = |n: &str| {
            let mut list = vec![format!("{n}.n AS n")];
            if node == 0 {
                list.push(format!("{}::text AS owner", column("t", &self.ancestry.bound.root_id)));
            }
            list.extend(self.carried(node).iter().enumerate().map(|(n, value)| format!("{value} AS e{n}")));
            list.join(", ")
        };
        let mut branches = Vec::new();
        if node == self.target {
            branches.push(self.start(&list("q")));
        }
        branches.extend(self.into(node, &[node]).into_iter().map(|edge| self.step(&list("c"), node, edge)));
        format!("u{node} AS ({})", branches.join(" UNION "))
    }

    /// `w<first>(n, tag, k)`: the rows of a cycle of tables, as in the way down.
    fn recursive(&self, component: &[usize]) -> String {
        let name = format!("w{}", component.first().copied().unwrap_or_default());
        let array = |node: usize| {
            let texts: Vec<String> = self.carried(node).iter().map(|value| format!("({value})::text")).collect();
            format!("ARRAY[{}]", texts.join(", "))
        };
        let (mut from_outside, mut inside) = (Vec::new(), Vec::new());
        for node in component {
            if *node == self.target {
                from_outside.push(self.start(&format!("q.n, {node}, {}", array(*node))));
            }
            for edge in self.into(*node, component) {
                from_outside.push(self.step(&format!("c.n, {node}, {}", array(*node)), *node, edge));
            }
        }
        for (member, n, edge) in self.ancestry.edges_of(component) {
            let above = self.ancestry.above(edge);
            if component.contains(&above) {
                let table = self.ancestry.table(above);
                let mut on = vec![format!("w.tag = {member}")];
                on.extend(Self::pairs(edge, |pair| self.element("w", member, n, pair)));
                inside.push(format!(
                    "SELECT {above} AS tag, {} AS k FROM {} t WHERE {}",
                    array(above),
                    table.from_sql(),
                    on.join(" AND ")
                ));
            }
        }
        format!(
            "{name}(n, tag, k) AS (({}) UNION SELECT w.n, x.tag, x.k FROM {name} w CROSS JOIN LATERAL ({}) x)",
            from_outside.join(" UNION "),
            inside.join(" UNION ALL "),
        )
    }

    /// A carried value out of an array, cast to the referenced column's type where it joins directly.
    fn element(&self, alias: &str, member: usize, edge: usize, pair: usize) -> String {
        let text = format!("{alias}.k[{}]", self.carried_at(member, edge, pair) + 1);
        let Some(owning) = self.ancestry.table(member).owning.get(edge) else { return text };
        match (owning.links.get(pair), owning.to_columns.get(pair)) {
            (Some(Link::Direct), Some(to)) => cast(self.ancestry.table(self.ancestry.above(owning)), to, &text),
            _ => text,
        }
    }

    /// The conditions of an edge from below: `t` is the referenced table, `below` gives the near values.
    fn pairs(edge: &BoundEdge, below: impl Fn(usize) -> String) -> Vec<String> {
        let mut on = Vec::new();
        for (n, to) in edge.to_columns.iter().enumerate() {
            let (far, value) = (column("t", to), below(n));
            match edge.links.get(n) {
                Some(Link::Text { to: kind }) => on.push(equals_text(&far, kind, &value)),
                _ => on.push(format!("{far} = {value}")),
            }
        }
        on
    }
}
