//! The work of one restore: for each table the rows to insert, to update and to delete, and those that stay for a reason.
//! This is what a plan counts and hashes and what an apply writes; both compute it by the same code.

use super::{
    conflict::{Conflict, ConflictKind},
    frame::Frame,
    live::LiveRow,
    row::{Key, Line},
    sum::Sum,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Everything that was decided.
#[derive(Debug)]
pub(crate) struct Work {
    /// Canonical id of the wedding, as the server writes it.
    pub wedding: String,
    pub root_exists: bool,
    /// In the order of the frame's tables.
    pub tables: Vec<TableWork>,
    /// Why the restore cannot be applied at all.
    pub refusals: Vec<String>,
}

/// One table's work.
#[derive(Debug, Default)]
pub(crate) struct TableWork {
    /// Every live row of this wedding by key, also of tables that are only passed through.
    pub owned: HashSet<Key>,
    pub captured_rows: u64,
    pub same: u64,
    pub insert: BTreeMap<Key, Target>,
    pub update: BTreeMap<Key, Update>,
    pub delete: BTreeMap<Key, LiveRow>,
    /// Rows that differ from the capture and stay as they are, because of the mode.
    pub left: BTreeMap<Key, Left>,
    pub conflicts: BTreeMap<Key, Conflict>,
    /// Rows as captured that belong to nobody at the moment: the restore brings back what they hang on, or does not.
    pub orphans: BTreeSet<Key>,
    /// Live rows as they are, in live layout, to compare with the pre-recovery capture.
    pub live_sum: Sum,
    /// The same rows in target layout.
    pub owned_sum: Sum,
}

/// A row as it will be.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// In target layout.
    pub line: Line,
    /// Positions set to NULL because what they referred to is gone.
    pub nulled: Vec<usize>,
}

/// A row that exists and changes.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub live: LiveRow,
    pub target: Target,
    /// Positions in target layout that differ.
    pub changed: Vec<usize>,
    /// Its partition key changes: it is deleted and inserted (safety rule S4).
    pub moved: bool,
    /// Columns (positions in target layout) of unique values that another row takes over: it is written in two steps.
    pub parked: BTreeSet<usize>,
    pub whose: Whose,
}

/// Whose a row that changes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This wedding's, before and after.
    Ours,
    /// Another wedding's, or nobody's, and taken back. Also a row that hangs on one which comes back, and comes along.
    Taken,
    /// Taken by the restore that is being undone: it goes back to whose it was.
    Returned,
}

/// A row that stays.
#[derive(Debug, Clone)]
pub(crate) struct Left {
    /// Positions that differ; empty for a row that the capture does not have.
    pub changed: Vec<usize>,
    /// The live row in target layout.
    pub live: Line,
}

impl Work {
    pub fn table(&self, index: usize) -> &TableWork {
        self.tables.get(index).expect("positions come from the frame of this work")
    }

    pub fn table_mut(&mut self, index: usize) -> &mut TableWork {
        self.tables.get_mut(index).expect("positions come from the frame of this work")
    }

    /// Whether applying it would write nothing.
    pub fn is_empty(&self) -> bool {
        let writes = |table: &TableWork| table.update.values().any(|update| !update.changed.is_empty());
        self.tables.iter().all(|table| table.insert.is_empty() && table.delete.is_empty() && !writes(table))
    }

    pub fn conflicts(&self) -> u64 {
        self.tables.iter().map(|table| table.conflicts.len() as u64).sum()
    }

    /// Key and content that every table in scope must have after the apply, in target layout.
    pub fn expected(&self, frame: &Frame<'_>) -> HashMap<usize, Sum> {
        frame.in_scope().map(|index| (index, self.table(index).expected(frame, index))).collect()
    }
}

impl Update {
    /// Deleted and inserted again, in replica role, rather than updated.
    pub fn rewritten(&self) -> bool {
        self.moved || !self.parked.is_empty()
    }
}

impl TableWork {
    /// Keys of rows to be inserted or updated, whichever way.
    pub fn written(&self) -> impl Iterator<Item = &Key> {
        self.insert.keys().chain(self.update.keys())
    }

    /// Turns a planned change into a conflict: the live row stays as it is.
    pub fn give_up(&mut self, key: &Key, kind: ConflictKind) {
        let change = if self.insert.remove(key).is_some() {
            "insert"
        } else if self.update.remove(key).is_some() {
            "update"
        } else if self.delete.remove(key).is_some() {
            "delete"
        } else {
            return;
        };
        self.conflicts.insert(key.clone(), Conflict { change, kind });
    }

    fn expected(&self, frame: &Frame<'_>, index: usize) -> Sum {
        let projection = frame.table(index).live_projection();
        let mut sum = self.owned_sum;
        for row in self.delete.values() {
            sum.remove(&row.line.project(&projection));
        }
        for update in self.update.values() {
            if update.whose != Whose::Taken {
                sum.remove(&update.live.line.project(&projection));
            }
            if update.whose != Whose::Returned {
                sum.add(&update.target.line);
            }
        }
        self.insert.values().for_each(|target| sum.add(&target.line));
        sum
    }
}
