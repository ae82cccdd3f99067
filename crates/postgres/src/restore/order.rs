//! Which mapped tables a restore needs, and in which order.

use super::Request;
use crate::{mapping::Mapping, schema::TableName};
use keepsake_domain::Group;
use std::collections::BTreeSet;

pub(crate) fn group_of(mapping: &Mapping, name: &TableName) -> Group {
    if name == &mapping.wedding.table {
        return Group::Wedding;
    }
    mapping.tables.iter().find(|table| &table.name == name).map_or(Group::Other, |table| table.group)
}

/// Mapped tables, parents first along owning edges; a cycle is entered at its first table in mapping order.
pub(crate) fn parents_first(mapping: &Mapping) -> Vec<&TableName> {
    let mut waiting: Vec<&TableName> = mapping.tables.iter().map(|table| &table.name).collect();
    let mut order = vec![&mapping.wedding.table];
    waiting.retain(|name| *name != &mapping.wedding.table);
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|name| {
            mapping.edges.iter().all(|edge| {
                !edge.decision.owns() || &edge.from != *name || &edge.to == *name || !waiting.contains(&&edge.to)
            })
        });
        // In a cycle prefer a table that hangs on one already placed.
        let next = ready.or_else(|| {
            waiting.iter().position(|name| {
                mapping
                    .edges
                    .iter()
                    .any(|edge| edge.decision.owns() && &edge.from == *name && order.contains(&&edge.to))
            })
        });
        order.push(waiting.remove(next.unwrap_or(0)));
    }
    order
}

/// Tables in scope and every table between them and the root.
pub(crate) fn needed<'m>(mapping: &'m Mapping, order: &[&'m TableName], request: &Request) -> BTreeSet<&'m TableName> {
    let mut needed: BTreeSet<&TableName> =
        order.iter().copied().filter(|name| request.scope.contains(group_of(mapping, name))).collect();
    needed.insert(&mapping.wedding.table);
    loop {
        let before = needed.len();
        for edge in mapping.edges.iter().filter(|edge| edge.decision.owns()) {
            if needed.contains(&edge.from) && order.contains(&&edge.to) {
                needed.insert(&edge.to);
            }
        }
        if needed.len() == before {
            return needed;
        }
    }
}
