//! What a restore has shown before it committed.

use super::plan::WritePath;
use crate::schema::TableName;
use serde::Serialize;

/// The proof of an applied restore, all of it read inside its transaction, under its locks, before the commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Hash of what was applied; the previewed one unless live changed in between.
    pub preview_hash: String,
    /// How rows were written.
    pub path: WritePath,
    /// The transaction, as `pg_xact_status` knows it.
    pub transaction: u64,
    /// Attempts until the locks were free.
    pub attempts: u32,
    /// Live had changed after the pre-recovery capture, and the difference is in the spool.
    pub difference_saved: bool,
    /// Tables in which triggers of the application altered or added rows while they were written.
    pub altered_by_triggers: Vec<TableName>,
    /// Tables in scope.
    pub tables: Vec<TableProof>,
    /// Sequences that were behind the restored rows.
    pub sequences: Vec<SequenceMove>,
}

/// One table's proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableProof {
    /// The table.
    pub name: TableName,
    /// Rows inserted.
    pub inserted: u64,
    /// Rows updated, moved or taken back.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// The wedding's rows afterwards.
    pub rows: u64,
    /// Order-independent hash of them, hex, over the columns that the capture and live share.
    pub hash: String,
    /// They are exactly the captured ones.
    pub equals_capture: bool,
    /// Foreign keys checked, both ways.
    pub references: u64,
    /// Triggers of the application altered or added rows.
    pub altered: bool,
}

/// A sequence that was advanced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SequenceMove {
    /// The sequence.
    pub sequence: TableName,
    /// The highest restored value (the lowest of a descending sequence).
    pub restored: i64,
    /// Where the sequence stands now; `None` if this role may not advance it, so that the application may meet the value.
    pub now: Option<i64>,
}

impl Proof {
    /// The proof as one JSON object, as specified in docs/format/operation.md.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every key is a string and nothing fails to serialise")
    }

    /// Rows written or deleted.
    pub fn changed(&self) -> u64 {
        self.tables.iter().map(|table| table.inserted + table.updated + table.deleted).sum()
    }

    /// Every table in scope is exactly as captured.
    pub fn equals_capture(&self) -> bool {
        self.tables.iter().all(|table| table.equals_capture)
    }
}
