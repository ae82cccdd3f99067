//! What can end a restore as a whole. What concerns one file only is in its result.

use std::{io, path::PathBuf};

/// Result of a restore operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A restore that could not go on. Files that have their final name are whole; nothing half-written is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's token was cancelled. A restore into the same folder goes on from what is there.
    #[error("the restore was cancelled; files that are in place are whole, and another restore to there goes on")]
    Cancelled,
    /// The vault or its store failed.
    #[error(transparent)]
    Vault(#[from] crate::Error),
    /// The disk that is restored to is full.
    #[error("no space is left in {}: free some and restore again, which goes on from what is there", folder.display())]
    NoSpace {
        /// The folder restored to.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The folder cannot be restored to.
    #[error("cannot restore to {}", folder.display())]
    Target {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The snapshot has no such file.
    #[error("the snapshot has no file `{path}`")]
    NoFile {
        /// The path asked for.
        path: String,
    },
    /// The bytes could not be handed on.
    #[error("cannot write what was read")]
    Write(#[source] io::Error),
    /// A bug: a piece of work ended without an answer.
    #[error("a part of the restore ended without a result; this is a bug, please report it")]
    Lost,
}

impl From<crate::engine::Cancelled> for Error {
    fn from(_: crate::engine::Cancelled) -> Self {
        Self::Cancelled
    }
}
