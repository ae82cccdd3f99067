//! What there is in the database, read in the capture's snapshot.

use super::super::{Error, Result, Sequence};
use crate::{
    connect::Session,
    schema::{TableName, quote_ident},
};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Row;

/// A relation of the user's or of an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) oid: u32,
    pub(super) name: TableName,
    /// `relkind`: r table, p partitioned, v view, m materialized view, S sequence, f foreign table.
    pub(super) kind: char,
    pub(super) partition: bool,
    pub(super) unlogged: bool,
    /// Size of the heap, bytes; 0 for what has none.
    pub(super) heap_bytes: u64,
    pub(super) columns: Vec<String>,
    pub(super) extension: Option<String>,
    /// Declared by its extension to hold configuration of the user's.
    pub(super) configuration: bool,
    /// Which of its rows are.
    pub(super) condition: Option<String>,
    pub(super) readable: bool,
    /// A row-level policy hides rows from this role.
    pub(super) filtered: bool,
}

impl Relation {
    /// Whether a capture reads rows of it.
    pub(super) fn has_rows(&self) -> bool {
        self.kind == 'r' && self.wanted()
    }

    /// Whether it is the user's: an extension's own objects come with the extension.
    pub(super) fn wanted(&self) -> bool {
        self.extension.is_none() || self.configuration
    }
}

const RELATIONS: &str = "
SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relispartition, c.relpersistence = 'u',
       CASE WHEN c.relkind = 'r' THEN pg_relation_size(c.oid, 'main') ELSE 0 END,
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND a.attgenerated = '' ORDER BY a.attnum),
       e.extname::text, COALESCE(g.configuration, false), NULLIF(g.condition, ''),
       CASE WHEN c.relkind = 'S' THEN has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT')
            ELSE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') END,
       c.relkind = 'r' AND row_security_active(c.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
LEFT JOIN LATERAL (SELECT true AS configuration, e.extcondition[i] AS condition
                   FROM generate_subscripts(e.extconfig, 1) i WHERE e.extconfig[i] = c.oid) g ON true
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname";

/// Reads every relation outside the system's schemas, by name.
pub(super) async fn relations(session: &Session) -> Result<Vec<Relation>> {
    let rows = session.client.query(RELATIONS, &[]).await.map_err(Error::server("list the tables"))?;
    rows.iter().map(|row| relation(row).map_err(Error::server("list the tables"))).collect()
}

fn relation(row: &Row) -> Result<Relation, tokio_postgres::Error> {
    let kind: String = row.try_get(3)?;
    let size: i64 = row.try_get(6)?;
    Ok(Relation {
        oid: row.try_get(0)?,
        name: TableName { schema: row.try_get(1)?, table: row.try_get(2)? },
        kind: kind.chars().next().unwrap_or('?'),
        partition: row.try_get(4)?,
        unlogged: row.try_get(5)?,
        heap_bytes: u64::try_from(size).unwrap_or(0),
        columns: row.try_get(7)?,
        extension: row.try_get(8)?,
        configuration: row.try_get(9)?,
        condition: row.try_get(10)?,
        readable: row.try_get(11)?,
        filtered: row.try_get(12)?,
    })
}

/// Fails, naming them, if the role cannot read all rows (safety rule S13).
pub(super) fn readable(role: &str, relations: &[Relation]) -> Result<()> {
    let mut objects = Vec::new();
    let (mut denied, mut filtered) = (false, false);
    for relation in relations.iter().filter(|relation| matches!(relation.kind, 'r' | 'p' | 'S') && relation.wanted()) {
        if !relation.readable {
            denied = true;
            objects.push(format!("{} (no SELECT)", relation.name));
        } else if relation.filtered {
            filtered = true;
            objects.push(format!("{} (rows hidden by row-level security)", relation.name));
        }
    }
    if objects.is_empty() {
        return Ok(());
    }
    let quoted = quote_ident(role);
    let mut remedy = Vec::new();
    if denied {
        remedy.push(format!("GRANT pg_read_all_data TO {quoted}"));
    }
    if filtered {
        remedy.push(format!("ALTER ROLE {quoted} BYPASSRLS"));
    }
    Err(Error::NotReadable {
        role: role.to_owned(),
        objects,
        remedy: format!("Let a superuser run: {}", remedy.join("; ")),
    })
}

/// Reads the positions of sequences.
pub(super) async fn sequences(session: &Session, relations: &[Relation]) -> Result<Vec<Sequence>> {
    const AT_A_TIME: usize = 200;
    let wanted: Vec<&Relation> = relations.iter().filter(|r| r.kind == 'S' && r.wanted()).collect();
    let mut found = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(AT_A_TIME) {
        let each: Vec<String> = some
            .iter()
            .enumerate()
            .map(|(at, sequence)| format!("SELECT {at} AS at, last_value, is_called FROM {}", sequence.name.sql()))
            .collect();
        let sql = each.join(" UNION ALL ") + " ORDER BY at";
        let rows = session.client.query(&sql, &[]).await.map_err(Error::server("read the sequences"))?;
        for (row, sequence) in rows.iter().zip(some) {
            let bad = Error::server("read the sequences");
            let (last_value, is_called) = match (row.try_get(1), row.try_get(2)) {
                (Ok(last_value), Ok(is_called)) => (last_value, is_called),
                (Err(error), _) | (_, Err(error)) => return Err(bad(error)),
            };
            found.push(Sequence { name: sequence.name.clone(), last_value, is_called });
        }
    }
    Ok(found)
}

/// Names what `pg_dump` lists and no file of the capture carries, and what the catalog has and `pg_dump` does not list
/// (safety rule S12).
pub(super) fn uncarried(relations: &[Relation], toc: &[super::super::toc::Entry]) -> Vec<String> {
    let known: BTreeMap<u32, &Relation> = relations.iter().map(|relation| (relation.oid, relation)).collect();
    let mut missing = Vec::new();
    let mut listed = BTreeSet::new();
    for entry in toc.iter().filter(|entry| entry.catalog == super::super::toc::PG_CLASS) {
        listed.insert(entry.oid);
        let holds_rows =
            matches!(entry.kind.as_str(), "TABLE" | "SEQUENCE" | "FOREIGN TABLE" | "MATERIALIZED VIEW" | "VIEW");
        if holds_rows && !known.get(&entry.oid).is_some_and(|relation| relation.wanted()) {
            missing.push(format!("{} {}", entry.kind.to_lowercase(), entry.rest));
        }
    }
    for relation in relations.iter().filter(|relation| relation.extension.is_none() && !listed.contains(&relation.oid))
    {
        missing.push(format!("{} (which pg_dump does not list)", relation.name));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::toc;

    fn relation(oid: u32, name: &str, extension: Option<&str>) -> Relation {
        Relation {
            oid,
            name: TableName::new("public", name),
            kind: 'r',
            partition: false,
            unlogged: false,
            heap_bytes: 0,
            columns: Vec::new(),
            extension: extension.map(str::to_owned),
            configuration: false,
            condition: None,
            readable: true,
            filtered: false,
        }
    }

    #[test]
    fn s12_a_table_that_only_one_side_knows_is_named() {
        let list =
            "1; 1259 10 TABLE public known me\n2; 1259 11 TABLE public strange me\n3; 1259 12 INDEX public i me\n";
        let relations =
            [relation(10, "known", None), relation(13, "unlisted", None), relation(14, "theirs", Some("e"))];
        let missing = uncarried(&relations, &toc::parse(list));
        assert_eq!(missing, ["table public strange me", "public.unlisted (which pg_dump does not list)"]);
    }
}
