//! What is common to rows on their way out and in: paths of their files, the statements that move them, their count.

use super::{DataFile, Manifest, Phase, Progress, Table, options::Listener};
use crate::{
    capture::rows_path,
    schema::{TableName, quote_ident},
};
use aws_lc_rs::digest::{Context, SHA256};
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
fn quoted(columns: &[String]) -> String {
    columns.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

/// The statement that reads all rows that a capture carries of a table.
fn copy_out(name: &TableName, columns: &[String], condition: Option<&str>) -> String {
    match condition {
        None => format!("COPY {}{} TO STDOUT", name.sql(), column_list(columns)),
        Some(condition) => format!("COPY (SELECT {} FROM ONLY {} {condition}) TO STDOUT", quoted(columns), name.sql()),
    }
}

/// Heap blocks in one piece: 64 MiB.
const PIECE_BLOCKS: u64 = 8192;
/// Bytes in a heap block, unless the server was built otherwise (then pieces are larger or smaller, and still right).
const BLOCK_BYTES: u64 = 8192;
/// The first server version that reads a range of places without reading the whole table.
const RANGES_SINCE: i32 = 140_000;

/// Statements that read all rows that a capture carries of a table, each with the bytes of heap that it reads. Large
/// tables are cut at fixed places in the heap; an empty heap has no statement.
pub(super) fn split(
    name: &TableName,
    columns: &[String],
    condition: Option<&str>,
    heap_bytes: u64,
    server_version: i32,
) -> Vec<(String, u64)> {
    let blocks = heap_bytes.div_ceil(BLOCK_BYTES);
    if blocks == 0 {
        return Vec::new();
    }
    if blocks <= PIECE_BLOCKS || server_version < RANGES_SINCE || condition.is_some() {
        return vec![(copy_out(name, columns, condition), heap_bytes)];
    }
    let piece = |number: u64| {
        let from = number * PIECE_BLOCKS;
        // The last piece is open at its end, in case a block is not as large as it is taken to be.
        let to = Some(from + PIECE_BLOCKS).filter(|to| *to < blocks);
        (copy_out_blocks(name, columns, from, to), (to.unwrap_or(blocks) - from) * BLOCK_BYTES)
    };
    (0..blocks.div_ceil(PIECE_BLOCKS)).map(piece).collect()
}

/// The statement that reads the rows in blocks `from` (inclusive) to `to` (exclusive; none for the rest) of the heap.
fn copy_out_blocks(name: &TableName, columns: &[String], from: u64, to: Option<u64>) -> String {
    let end = to.map(|to| format!(" AND ctid < '({to},0)'::pg_catalog.tid")).unwrap_or_default();
    format!(
        "COPY (SELECT {} FROM ONLY {} WHERE ctid >= '({from},0)'::pg_catalog.tid{end}) TO STDOUT",
        quoted(columns),
        name.sql()
    )
}

/// Bytes of a large object in one row.
const OBJECT_PIECE_BYTES: u64 = 64 * 1024;

/// The statement that reads large objects (id and size), piece by piece; its rows are object id, offset, bytes.
pub(super) fn copy_objects_out(objects: &[(u32, u64)]) -> String {
    let list = |each: &dyn Fn(&(u32, u64)) -> String| objects.iter().map(each).collect::<Vec<_>>().join(",");
    format!(
        "COPY (SELECT o.id, p.at, lo_get(o.id, p.at, {OBJECT_PIECE_BYTES}) \
         FROM unnest('{{{}}}'::oid[], '{{{}}}'::int8[]) o (id, size) \
         CROSS JOIN LATERAL generate_series(0::int8, o.size - 1, {OBJECT_PIECE_BYTES}) p (at)) TO STDOUT",
        list(&|(id, _)| id.to_string()),
        list(&|(_, size)| size.to_string()),
    )
}

/// A row as it is hashed: the line that the server sent, without its line feed.
pub(super) fn line(row: &[u8]) -> &[u8] {
    row.strip_suffix(b"\n").unwrap_or(row)
}

/// The folder of a table's files: named as the table's file is in the capture of a wedding.
pub(super) fn folder(name: &TableName) -> String {
    let path = rows_path(name);
    let name = path.strip_prefix("rows/").and_then(|path| path.strip_suffix(".copy"));
    name.unwrap_or(&path).to_owned()
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
        assert_eq!(folder(&TableName::new("a", "x/../y\n")), "a.x%2F%2E%2E%2Fy%0A");
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
