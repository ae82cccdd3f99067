//! What a person sees before a restore and what its hash stands for. Specified in docs/format/operation.md.

use super::{Request, conflict::ConflictKind, drift::Drift, files::FilePlan};
use crate::schema::TableName;
use jiff::Timestamp;
use keepsake_domain::Group;
use serde::Serialize;

/// The version of the preview document that this build writes.
pub const VERSION: u32 = 1;

/// A restore as planned: what it would do to live rows and files, what it would leave, and what follows downstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Version of this document, 1.
    pub version: u32,
    /// What was asked for.
    pub request: Request,
    /// When the capture was taken.
    pub captured_at: Timestamp,
    /// SHA-256 of everything the restore would do, hex. The same while neither capture nor live rows change.
    pub preview_hash: String,
    /// Whether the wedding's own row is there today.
    pub root_exists: bool,
    /// How rows would be written.
    pub path: WritePath,
    /// Tables in scope.
    pub tables: Vec<TablePlan>,
    /// Files in scope.
    pub files: FilePlan,
    /// Why it cannot be applied, each with what to do. Empty if it can.
    pub refusals: Vec<String>,
    /// What follows for others.
    pub downstream: Downstream,
    /// Edges of the mapping that nobody has decided yet: `table (columns) -> table: owns|refers`.
    pub assumed_edges: Vec<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WritePath {
    /// In replica role: no user triggers, foreign keys proven by the restore itself.
    Replica,
    /// With foreign keys checked by the server and user triggers firing, in one statement.
    Checked,
    /// Into new tables beside the live ones.
    Side,
}

/// One table of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TablePlan {
    /// The table.
    pub name: TableName,
    /// Its group.
    pub group: Group,
    /// Rows in the capture.
    pub captured: u64,
    /// Rows that come back.
    pub insert: u64,
    /// Rows set to what they were, moved ones included.
    pub update: u64,
    /// Of these, rows whose partition key goes back: deleted and inserted.
    pub moved: u64,
    /// Of these, rows taken back from another wedding, or in an undo given back to it.
    pub taken: u64,
    /// Rows removed.
    pub delete: u64,
    /// Rows that are as captured.
    pub same: u64,
    /// Rows that differ, or that the capture does not have, and stay because of the mode.
    pub left: u64,
    /// Rows in conflict, left as they are.
    pub conflict: u64,
    /// Changes since the capture in the table itself.
    pub drift: Drift,
    /// The rows concerned, up to the request's limit.
    pub rows: Vec<RowDiff>,
    /// Rows beyond that limit.
    pub rows_not_listed: u64,
}

/// One row of a plan. Keys and column names only: no other values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowDiff {
    /// Values of the key columns; empty for a table without identity.
    pub key: Vec<Option<String>>,
    /// What happens to it.
    pub change: RowChange,
    /// Columns that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Columns set to NULL because what they referred to is gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nulled: Vec<String>,
    /// Why it is left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ConflictKind>,
}

/// What happens to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RowChange {
    /// Comes back.
    Insert,
    /// Set to what it was.
    Update,
    /// Deleted where it is and inserted where it was (its partition key changed).
    Move,
    /// Taken back from another wedding.
    Take,
    /// Given back to the wedding from which the restore that is undone took it.
    Return,
    /// Removed.
    Delete,
    /// Stays, because of the mode.
    Left,
    /// Stays, because of a conflict.
    Conflict,
}

/// What a restore causes outside the rows (safety rule S7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Downstream {
    /// Publications that send changes of these tables, with the tables.
    pub publications: Vec<(String, Vec<TableName>)>,
    /// Logical replication slots of this database, also those nobody reads at the moment.
    pub slots: Vec<Slot>,
    /// Tables without the default replica identity: the table and what its old rows are sent as.
    pub replica_identity: Vec<(TableName, String)>,
    /// User triggers that fire.
    pub triggers_fire: Vec<TriggerName>,
    /// User triggers that would fire for the application, but not for this restore.
    pub triggers_silent: Vec<TriggerName>,
    /// SQL that the mapping runs after the rows are proven.
    pub after_restore: Vec<String>,
}

/// A logical replication slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Its output plugin.
    pub plugin: String,
    /// Whether someone reads it now.
    pub active: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct TriggerName {
    /// Its table.
    pub table: TableName,
    /// Its name.
    pub trigger: String,
}

impl Plan {
    /// The preview as one JSON object, as specified in docs/format/operation.md.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("every key is a string and nothing fails to serialise")
    }

    /// Whether applying it would change nothing.
    pub fn is_empty(&self) -> bool {
        let rows = self.tables.iter().map(|table| table.insert + table.update + table.delete).sum::<u64>();
        rows == 0 && self.files.changes() == 0
    }

    /// Rows in conflict.
    pub fn conflicts(&self) -> u64 {
        self.tables.iter().map(|table| table.conflict).sum()
    }

    /// One table's part.
    pub fn table(&self, name: &TableName) -> Option<&TablePlan> {
        self.tables.iter().find(|table| &table.name == name)
    }
}
