//! Recovery points: the snapshots of vaults as people see them.

mod choose;
mod list;

pub use choose::{Wanted, choose};
pub use list::{list, of_vault};

use jiff::Timestamp;
use keepsake_domain::{OperationId, PointId, VaultId, point::Kind};
use keepsake_vault::{Id, config, snapshot::Snapshot, vault::Vault};
use serde::Serialize;

/// A recovery point.
#[derive(Debug, Clone, Serialize)]
pub struct Point {
    /// Its id.
    pub id: PointId,
    /// The vault it is in.
    pub vault: VaultId,
    /// What was captured.
    pub kind: Kind,
    /// What people call what was captured.
    pub name: String,
    /// The wedding, for points of a wedding's vault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wedding: Option<String>,
    /// The state that it holds.
    pub time: Timestamp,
    /// Something could not be read (safety rule S13).
    pub incomplete: bool,
    /// For a state saved before a restore: the operation that it undoes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// Bytes of all files in it.
    pub raw_bytes: u64,
    /// The snapshot, as stock restic names it.
    pub snapshot: Id,
    /// The snapshot itself.
    #[serde(skip)]
    pub document: Snapshot,
}

impl Point {
    /// Whether it is a state saved before a restore: listed on request only, never `latest` (safety rule S8).
    pub fn is_pre_recovery(&self) -> bool {
        self.kind == Kind::PreRecovery
    }
}

/// What a vault says of itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub kind: config::Kind,
    pub name: String,
    pub source: String,
    pub wedding: Option<String>,
}

/// What a vault says of itself; a repository that stock restic made says nothing.
pub(crate) fn about<S>(vault: &Vault<S>) -> About {
    match &vault.config().keepsake {
        Some(extension) => About {
            kind: extension.kind,
            name: extension.name.clone(),
            source: extension.source.clone(),
            wedding: extension.wedding.clone(),
        },
        None => About { kind: config::Kind::Files, name: String::new(), source: String::new(), wedding: None },
    }
}
