//! What a check of the log says.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A row says something else than what was hashed.
    Changed,
    /// A row that was in the tree is gone.
    Removed,
    /// A row came in past the sequencer, or says that it is older than it can be.
    Inserted,
    /// Rows stand in each other's places.
    Reordered,
    /// Rows, their leaves and their hashes fit each other, but not what was signed.
    Rewritten,
    /// A checkpoint was not signed by this installation, or was changed.
    Forged,
}

impl Kind {
    /// The word for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Reordered => "reordered",
            Self::Rewritten => "rewritten",
            Self::Forged => "forged",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The row, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<Uuid>,
    /// Its place in the tree, or the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The size of the checkpoint that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<u64>,
    /// In words.
    pub message: String,
}

impl Finding {
    pub(super) fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, row: None, index: None, checkpoint: None, message: message.into() }
    }

    pub(super) fn row(self, row: Uuid) -> Self {
        Self { row: Some(row), ..self }
    }

    pub(super) fn index(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }

    pub(super) fn checkpoint(self, size: u64) -> Self {
        Self { checkpoint: Some(size), ..self }
    }
}

/// A checkpoint that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The rows that it vouches for.
    pub size: u64,
    /// When it was signed, by a column that is itself not signed.
    pub at: Timestamp,
}

/// How much older than a checkpoint a row may say to be that the checkpoint does not vouch for: transactions that take long to
/// commit, and clocks of nodes that differ.
const GRACE: SignedDuration = SignedDuration::from_mins(15);

impl Signed {
    /// Whether what happened at that time should be vouched for.
    pub(super) fn should_have(&self, at: Timestamp) -> bool {
        self.at.duration_since(at) > GRACE
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub good: bool,
    /// Rows in the tree.
    pub rows: u64,
    /// Rows that wait for their places, as every new one does for some seconds.
    pub waiting: u64,
    /// Checkpoints that were looked at.
    pub checkpoints: u64,
    /// The newest one that holds: what was recorded after it is not vouched for yet.
    pub signed: Option<Signed>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many more findings there are than are listed.
    pub unlisted: u64,
}

/// Findings that are listed, at most.
const FINDINGS_MAX: usize = 1000;

impl Report {
    pub(super) const fn new() -> Self {
        Self { good: true, rows: 0, waiting: 0, checkpoints: 0, signed: None, findings: Vec::new(), unlisted: 0 }
    }

    pub(super) fn found(&mut self, finding: Finding) {
        self.good = false;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        } else {
            self.unlisted += 1;
        }
    }
}
