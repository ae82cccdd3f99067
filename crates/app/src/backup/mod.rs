//! Taking backups: of weddings, of whole databases, of files.
//!
//! Each opens its vault, pushes files into a session of the engine, and commits: the store has shown that it keeps
//! everything before the new point exists. Rows and a wedding's files are read back whole; files by themselves only if that
//! is asked for, since it doubles the traffic of what may be terabytes. Where the vault has lost older packs that the point
//! needs, the backup is made once more and stores anew what it needs of them.

mod attempt;
mod bucket;
mod commit;
mod database;
mod files;
mod fingerprint;
mod wedding;

pub(crate) use attempt::{Ended, Target, one};
pub(crate) use commit::{backup_error, commit_pre_recovery};
pub use database::database;
pub(crate) use database::{database_error, options_of};
pub(crate) use files::load;
pub use files::{Files, files};
pub(crate) use wedding::capture_error;
pub use wedding::{BackedWedding, Known, Passed, Weddings, pass, weddings};

use crate::issue::Issue;
use jiff::Timestamp;
use keepsake_domain::{PointId, VaultId, point::Kind};
use keepsake_vault::backup::Proof;
use serde::Serialize;

/// What a backup made.
#[derive(Debug, Clone, Serialize)]
pub struct Backed {
    /// The new point.
    pub point: PointId,
    /// The vault that it is in.
    pub vault: VaultId,
    /// What was captured.
    pub kind: Kind,
    /// What people call it.
    pub name: String,
    /// The state that the point holds.
    pub time: Timestamp,
    /// Whether everything could be read.
    pub result: Outcome,
    /// Files in the point.
    pub files: u64,
    /// Their bytes.
    pub raw_bytes: u64,
    /// Bytes that the vault did not have.
    pub new_bytes: u64,
    /// Bytes that were added to the store for them.
    pub stored_bytes: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// What was proven from the store before the point was made. Older content is the work of `keepsake verify`.
    pub verification: Proof,
    /// What was noticed.
    pub issues: Vec<Issue>,
}

/// How whole a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All of it.
    Stored,
    /// Something could not be read: never green, never chosen by default (safety rule S13).
    Incomplete,
}
