//! What a check found, as types and as JSON.

use super::Level;
use crate::{id::Id, pack::Kind};
use serde::Serialize;
use std::fmt;

/// Something that loses data, or that makes stock restic complain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// A key file is not what its name promises, or is none. The one that opened the vault is not among them.
    KeyDamaged {
        /// The file.
        key_file: Id,
        /// What is wrong.
        reason: String,
    },
    /// An index file cannot be read.
    IndexDamaged {
        /// The file.
        index: Id,
        /// What is wrong.
        reason: String,
    },
    /// Two index files describe one pack differently.
    IndexConflict {
        /// The pack.
        pack: Id,
    },
    /// The index lists a pack that is not there.
    PackMissing {
        /// The pack.
        pack: Id,
    },
    /// A pack has another size than its blobs and header add up to.
    PackSize {
        /// The pack.
        pack: Id,
        /// Its size.
        actual_bytes: u64,
        /// What it should be.
        expected_bytes: u64,
    },
    /// The store does not return a pack's bytes.
    PackUnreadable {
        /// The pack.
        pack: Id,
        /// What the store said.
        reason: String,
    },
    /// A pack's bytes are not those that its name promises.
    PackHash {
        /// The pack.
        pack: Id,
        /// SHA-256 of the bytes that are there.
        actual: Id,
    },
    /// A pack's header cannot be read, or lists other blobs than the index.
    PackHeader {
        /// The pack.
        pack: Id,
        /// What is wrong.
        reason: String,
    },
    /// A blob is not what the index promises.
    BlobDamaged {
        /// The blob.
        blob: Id,
        /// Tree or data.
        kind: Kind,
        /// Where it lies.
        pack: Id,
        /// What is wrong.
        reason: String,
    },
    /// A blob that a snapshot needs is in no index file and no pack.
    BlobMissing {
        /// The blob.
        blob: Id,
        /// Tree or data.
        kind: Kind,
    },
    /// Blobs that snapshots need lie in a pack that no index file lists: rebuilding the index saves them.
    PackNotIndexed {
        /// The pack.
        pack: Id,
    },
    /// A snapshot cannot be read.
    SnapshotDamaged {
        /// The snapshot.
        snapshot: Id,
        /// What is wrong.
        reason: String,
    },
    /// A folder listing is whole as a blob, but its content is wrong.
    TreeInvalid {
        /// Its blob.
        tree: Id,
        /// What is wrong.
        reason: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyDamaged { key_file, reason } => write!(f, "key file {key_file}: {reason}"),
            Self::IndexDamaged { index, reason } => write!(f, "index file {index}: {reason}"),
            Self::IndexConflict { pack } => write!(f, "pack {pack} is described differently by two index files"),
            Self::PackMissing { pack } => write!(f, "pack {pack} is missing"),
            Self::PackSize { pack, actual_bytes, expected_bytes } => {
                write!(f, "pack {pack} has {actual_bytes} bytes instead of {expected_bytes}")
            }
            Self::PackUnreadable { pack, reason } => write!(f, "pack {pack} cannot be read: {reason}"),
            Self::PackHash { pack, actual } => write!(f, "pack {pack} holds other bytes (SHA-256 {actual})"),
            Self::PackHeader { pack, reason } => write!(f, "header of pack {pack}: {reason}"),
            Self::BlobDamaged { blob, kind, pack, reason } => write!(f, "{kind} blob {blob} in pack {pack}: {reason}"),
            Self::BlobMissing { blob, kind } => write!(f, "{kind} blob {blob} is nowhere"),
            Self::PackNotIndexed { pack } => write!(f, "pack {pack} is needed but in no index file"),
            Self::SnapshotDamaged { snapshot, reason } => write!(f, "snapshot {snapshot}: {reason}"),
            Self::TreeInvalid { tree, reason } => write!(f, "folder listing {tree}: {reason}"),
        }
    }
}

/// Something worth knowing that loses nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "hint", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Hint {
    /// A pack in no index file that nothing needs: left over by interrupted work.
    PackUnused {
        /// The pack.
        pack: Id,
        /// Its size.
        size_bytes: u64,
    },
    /// Blobs that lie in more than one place.
    DuplicateBlobs {
        /// How many places there are too many.
        count: u64,
    },
    /// Packs that hold listings and data.
    MixedPacks {
        /// How many.
        count: u64,
    },
    /// An object that is none of the vault's.
    Foreign {
        /// Its name.
        key: String,
    },
    /// A lock file of another program.
    Locked {
        /// The file.
        lock: Id,
        /// User, host and process.
        holder: String,
    },
    /// Packs that rustic marked for removal.
    MarkedPacks {
        /// How many.
        count: u64,
    },
    /// A file's stated length is not that of its content; restored, it has the content's.
    FileSize {
        /// The listing it is in.
        tree: Id,
        /// Number of such files in it.
        count: u64,
    },
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PackUnused { pack, size_bytes } => write!(f, "pack {pack} ({size_bytes} bytes) is not used"),
            Self::DuplicateBlobs { count } => write!(f, "{count} blobs are stored more than once"),
            Self::MixedPacks { count } => write!(f, "{count} packs hold listings and data"),
            Self::Foreign { key } => write!(f, "{key} does not belong to the vault"),
            Self::Locked { lock, holder } => write!(f, "lock {lock} of {holder}"),
            Self::MarkedPacks { count } => write!(f, "{count} packs are marked for removal"),
            Self::FileSize { tree, count } => write!(f, "{count} files in listing {tree} state another length"),
        }
    }
}

/// What a fault touches in one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Affected {
    /// The snapshot.
    pub snapshot: Id,
    /// Files that cannot be restored whole; a folder, whose name ends in `/`, stands for everything below it, and `/` for
    /// all of the snapshot. Bytes that are no UTF-8 are shown as U+FFFD.
    pub paths: Vec<String>,
    /// There are more paths than are listed.
    pub truncated: bool,
}

/// A fault and what it touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
    /// What it touches; nothing if every blob concerned has a whole copy elsewhere or is in no snapshot.
    pub affects: Vec<Affected>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How closely was looked.
    pub level: Level,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What is odd.
    pub hints: Vec<Hint>,
    /// There are more findings, or more touched paths, than are listed.
    pub truncated: bool,
    /// Readable snapshots.
    pub snapshots: u64,
    /// Packs in the index.
    pub packs: u64,
    /// Different folder listings.
    pub trees: u64,
    /// Places of blobs in the index.
    pub blobs: u64,
    /// Bytes of packs that were read and compared.
    pub read_bytes: u64,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// The snapshots that are not whole, each once.
    pub fn affected_snapshots(&self) -> std::collections::BTreeSet<Id> {
        self.findings.iter().flat_map(|finding| &finding.affects).map(|affected| affected.snapshot).collect()
    }
}
