//! Rows that a restore leaves alone although the capture says otherwise, and why.

use crate::schema::TableName;
use serde::{Deserialize, Serialize};

/// A planned change that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// insert, update or delete.
    pub change: &'static str,
    pub kind: ConflictKind,
}

/// Why a row is in conflict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ConflictKind {
    /// The row belongs to another wedding now (safety rule S1).
    OwnedElsewhere,
    /// The row belongs to this wedding and to others.
    Shared {
        /// How many weddings it belongs to.
        owners: u64,
    },
    /// The row exists and belongs to no wedding.
    OwnedByNobody,
    /// Rows that are not removed with it refer to it.
    Referenced {
        /// The table that refers.
        by: TableName,
        /// How many rows do, counted up to 1,000.
        rows: u64,
    },
    /// A row that stays has the same value of a unique index.
    UniqueTaken {
        /// The index.
        index: String,
    },
    /// What the row refers to does not exist and the column cannot be NULL.
    ParentMissing {
        /// The table referred to.
        table: TableName,
    },
    /// What the row belongs to is not this wedding's any more.
    ParentElsewhere {
        /// The table referred to.
        table: TableName,
    },
}

impl ConflictKind {
    /// In words, for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::OwnedElsewhere => "belongs to another wedding now".to_owned(),
            Self::Shared { owners } => format!("belongs to {owners} weddings"),
            Self::OwnedByNobody => "exists, but belongs to no wedding".to_owned(),
            Self::Referenced { by, rows } => format!("{rows} rows of {by} that stay refer to it"),
            Self::UniqueTaken { index } => format!("another row that stays has its value of {index}"),
            Self::ParentMissing { table } => format!("refers to a row of {table} that does not exist"),
            Self::ParentElsewhere { table } => format!("belongs to a row of {table} that is not this wedding's"),
        }
    }
}
