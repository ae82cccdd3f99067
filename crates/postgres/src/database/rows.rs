//! What is common to rows on their way out and in: paths of their files, the statements that move them, their count.

use super::{DataFile, Manifest, Phase, Progress, Table, options::Listener};
use crate::schema::{TableName, quote_ident};
use aws_lc_rs::digest::{Context, SHA256, digest};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Bytes given to a sink, or to the server, at a time.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// The columns for a COPY, in parentheses; nothing for a table without stored columns, whose rows are empty lines.
pub(super) fn column_list(columns: &[String]) -> String {
    match columns {
        [] => String::new(),
        _ => format!(" ({})", quoted(columns)),
    }
}

/// Column names, quoted, with commas.
pub(super) fn quoted(columns: &[String]) -> String {
    columns.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

/// The statement that reads all rows that a capture carries of a table, for a capture or a comparison.
pub(super) fn copy_out(name: &TableName, columns: &[String], condition: Option<&str>) -> String {
    match condition {
        None => format!("COPY {}{} TO STDOUT", name.sql(), column_list(columns)),
        Some(condition) => format!("COPY (SELECT {} FROM ONLY {} {condition}) TO STDOUT", quoted(columns), name.sql()),
    }
}

/// The statement that reads the rows in blocks `from` (inclusive) to `to` (exclusive; none for the rest) of the heap.
pub(super) fn copy_out_blocks(name: &TableName, columns: &[String], from: u64, to: Option<u64>) -> String {
    let end = to.map(|to| format!(" AND ctid < '({to},0)'::pg_catalog.tid")).unwrap_or_default();
    format!(
        "COPY (SELECT {} FROM ONLY {} WHERE ctid >= '({from},0)'::pg_catalog.tid{end}) TO STDOUT",
        quoted(columns),
        name.sql()
    )
}

/// The folder of a table's files: the name as written in mappings, other than plain characters percent-encoded. A name
/// too long for a file system is cut and told apart by its hash; the manifest holds the name itself.
pub(super) fn folder(name: &TableName) -> String {
    const LONGEST: usize = 200;
    let text = name.to_string();
    let mut encoded = String::new();
    for c in text.chars() {
        if c.is_alphanumeric() || matches!(c, '.' | '_' | '-') {
            encoded.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    if encoded.len() > LONGEST {
        let mut end = LONGEST - 40;
        while !encoded.is_char_boundary(end) {
            end -= 1;
        }
        encoded.truncate(end);
        let hash = hex::encode(digest(&SHA256, text.as_bytes()).as_ref());
        encoded = format!("{encoded}~{}", hash.get(..32).unwrap_or_default());
    }
    encoded
}

/// Hash of everything that a restore compares.
pub(super) fn content_hash(manifest: &Manifest) -> String {
    let mut context = Context::new(&SHA256);
    for Table { name, rows, hash, .. } in &manifest.tables {
        context.update(format!("{name}:{rows}:{hash}\n").as_bytes());
    }
    let objects = &manifest.large_objects;
    context.update(format!("large objects:{}:{}\n", objects.rows, objects.hash).as_bytes());
    hex::encode(context.finish().as_ref())
}

/// Bytes of a table's or the large objects' files.
pub(super) fn size(files: &[DataFile]) -> u64 {
    files.iter().map(|file| file.size_bytes).sum()
}

/// Counts what moved and tells the listener.
#[derive(Clone)]
pub(super) struct Meter {
    listener: Option<Listener>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
    done_tables: AtomicU64,
    total_tables: AtomicU64,
}

impl Meter {
    pub(super) fn new(listener: Option<Listener>) -> Self {
        Self { listener, counts: Arc::default() }
    }

    pub(super) fn expect(&self, bytes: u64, tables: u64) {
        self.counts.total_bytes.store(bytes, Ordering::Relaxed);
        self.counts.total_tables.store(tables, Ordering::Relaxed);
    }

    pub(super) fn moved(&self, phase: Phase, bytes: usize) {
        self.counts.done_bytes.fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
        self.tell(phase);
    }

    pub(super) fn table_done(&self) {
        self.counts.done_tables.fetch_add(1, Ordering::Relaxed);
        self.tell(Phase::Rows);
    }

    pub(super) fn tell(&self, phase: Phase) {
        let Some(listener) = &self.listener else { return };
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        listener(Progress {
            phase,
            done_bytes: load(&self.counts.done_bytes),
            total_bytes: load(&self.counts.total_bytes),
            done_tables: load(&self.counts.done_tables),
            total_tables: load(&self.counts.total_tables),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_legal_and_distinct() {
        assert_eq!(folder(&TableName::new("public", "guests")), "public.guests");
        assert_eq!(folder(&TableName::new("a", "x/../y\n")), "a.x%2F..%2Fy%0A");
        assert_eq!(folder(&TableName::new("public", "Gäste")), "public.Gäste");
        assert_ne!(folder(&TableName::new("a.b", "c")), folder(&TableName::new("a", "b.c")));
        let long = |last: &str| folder(&TableName::new("\u{1}".repeat(63), format!("{}{last}", "\u{1}".repeat(62))));
        assert!(long("a").len() <= 255);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn a_table_without_columns_is_copied_without_a_list() {
        let name = TableName::new("s", "t");
        assert_eq!(copy_out(&name, &[], None), "COPY \"s\".\"t\" TO STDOUT");
        assert_eq!(copy_out(&name, &["a\"b".to_owned()], None), "COPY \"s\".\"t\" (\"a\"\"b\") TO STDOUT");
        let blocks = copy_out_blocks(&name, &[], 8, Some(16));
        assert!(blocks.starts_with("COPY (SELECT  FROM ONLY"), "{blocks}");
    }
}
