//! What can end a backup.

use super::packer::PackError;
use crate::id::Id;
use std::{collections::BTreeSet, path::PathBuf};

/// Result of a backup operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed backup. It has no snapshot, or one that the store did not keep as it was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's token was cancelled. What was stored so far is used by the next backup.
    #[error("the backup was cancelled; the next one goes on from what is stored")]
    Cancelled,
    /// The backup had failed before; the first error says why.
    #[error("the backup has failed already")]
    Failed,
    /// The vault or its store failed.
    #[error(transparent)]
    Vault(crate::Error),
    /// Older packs of which the snapshot needs some are not in the store as they were written, or hold folder listings that
    /// cannot be read. Another backup, with [`Vault::without_packs`](crate::Vault::without_packs), stores anew what it needs
    /// of them.
    #[error(
        "older packs that the new point needs are lost or damaged: {}; run `keepsake verify --level all` to see which points \
         need them",
        packs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    )]
    OlderPacksLost {
        /// All that were found, also such as this snapshot does not need.
        packs: BTreeSet<Id>,
    },
    /// A pack cannot be made.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// zstd failed.
    #[error("content cannot be compressed")]
    Compress(#[source] std::io::Error),
    /// A file given to the backup was dropped before it was finished: its source failed, so there is no snapshot (S13).
    #[error("the source of `{path}` ended before the file was complete")]
    Unfinished {
        /// The path inside the snapshot.
        path: String,
    },
    /// A path that cannot lie in a snapshot.
    #[error("`{path}` cannot be a path in a snapshot: {reason}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path of the local machine that was named by the caller cannot be read at all.
    #[error("cannot read {}", path.display())]
    Source {
        /// The path.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The vault's configuration cannot be used.
    #[error("the vault's configuration cannot be used: {reason}")]
    Config {
        /// What is wrong.
        reason: String,
    },
    /// A bug: a piece of work ended without an answer.
    #[error("a part of the backup ended without a result; this is a bug, please report it")]
    Lost,
}

impl From<crate::Error> for Error {
    fn from(error: crate::Error) -> Self {
        if error.is_cancelled() { Self::Cancelled } else { Self::Vault(error) }
    }
}

impl From<crate::engine::Cancelled> for Error {
    fn from(_: crate::engine::Cancelled) -> Self {
        Self::Cancelled
    }
}
