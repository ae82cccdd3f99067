//! `pg_dump`'s table of contents, as `pg_restore --list` prints it: the measure of what a database holds.
//!
//! A line is `dump id; catalog oid object oid KIND schema name owner`. Names may hold blanks, so objects are told apart by
//! their oids alone, which are those of the snapshot.

use std::collections::BTreeMap;

/// `pg_class`: tables, views, sequences and the like.
pub(super) const PG_CLASS: u32 = 1259;
/// `pg_subscription`.
pub(super) const PG_SUBSCRIPTION: u32 = 6100;

/// Kinds of two and more words, which a list line does not set off from the names that follow. A longer kind comes before
/// its own beginning.
const KINDS: &[&str] = &[
    "ACCESS METHOD",
    "CHECK CONSTRAINT",
    "DATABASE PROPERTIES",
    "DEFAULT ACL",
    "EVENT TRIGGER",
    "FK CONSTRAINT",
    "FOREIGN DATA WRAPPER",
    "FOREIGN SERVER",
    "FOREIGN TABLE",
    "INDEX ATTACH",
    "MATERIALIZED VIEW DATA",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "PROCEDURAL LANGUAGE",
    "PUBLICATION TABLES IN SCHEMA",
    "PUBLICATION TABLE",
    "ROW SECURITY",
    "SECURITY LABEL",
    "SEQUENCE OWNED BY",
    "SEQUENCE SET",
    "SHELL TYPE",
    "STATISTICS DATA",
    "SUBSCRIPTION TABLE",
    "TABLE ATTACH",
    "TABLE DATA",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "USER MAPPING",
];

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The catalog that the object is in; 0 where the entry is no object of its own.
    pub(super) catalog: u32,
    /// The object.
    pub(super) oid: u32,
    /// Such as `TABLE`.
    pub(super) kind: String,
    /// Schema, name and owner as printed.
    pub(super) rest: String,
}

/// The entries of a list.
pub(super) fn parse(list: &str) -> Vec<Entry> {
    list.lines().filter_map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let (id, rest) = line.split_once("; ")?;
    id.parse::<u32>().ok()?;
    let (catalog, rest) = rest.split_once(' ')?;
    let (oid, rest) = rest.split_once(' ')?;
    let known = KINDS.iter().find(|kind| rest.strip_prefix(**kind).is_some_and(|rest| rest.starts_with(' ')));
    let kind = match known {
        Some(kind) => (*kind).to_owned(),
        None => rest.split(' ').next()?.to_owned(),
    };
    let rest = rest.get(kind.len()..).unwrap_or_default().trim_start().to_owned();
    Some(Entry { catalog: catalog.parse().ok()?, oid: oid.parse().ok()?, kind, rest })
}

/// How many entries of each kind there are.
pub(super) fn kinds(entries: &[Entry]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.kind.clone()).or_insert(0) += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_by_their_oids() {
        let list = "; Archive created at 2026-01-01\n;     dbname: x\n;\n\
                    215; 1259 16386 TABLE public a TABLE DATA b owner\n\
                    3300; 0 0 MATERIALIZED VIEW DATA public m owner\n\
                    6; 2615 16385 SCHEMA - odd name owner\n";
        let entries = parse(list);
        assert_eq!(entries.len(), 3);
        assert_eq!((entries[0].catalog, entries[0].oid, entries[0].kind.as_str()), (PG_CLASS, 16386, "TABLE"));
        assert_eq!(entries[1].kind, "MATERIALIZED VIEW DATA");
        assert_eq!(kinds(&entries)["SCHEMA"], 1);
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert!(parse("x; 1 2 TABLE\n1; y 2 TABLE a\n\n1; 2\n").is_empty());
    }
}
