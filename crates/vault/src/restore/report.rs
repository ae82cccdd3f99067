//! What a restore did, file by file.

use std::{fmt, path::PathBuf};

/// What became of one entry of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was written.
    Restored,
    /// It was there with the right content already; only its times and modes were set.
    AlreadyThere,
    /// It is not there, or not as it should be. Nothing half-written has its name.
    Failed(Failure),
}

/// Why an entry was not restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The name could escape the target folder, or no system can hold it. Such a snapshot is damaged or hostile.
    HostileName,
    /// A part of the content is missing or damaged in the vault.
    Damaged {
        /// What the vault says.
        reason: String,
    },
    /// The system refused.
    Refused {
        /// What it says.
        reason: String,
    },
    /// A thing that this program does not make, such as a socket.
    NotMade {
        /// What it is.
        kind: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HostileName => f.write_str("its name could escape the folder; the snapshot is damaged or hostile"),
            Self::Damaged { reason } => write!(f, "its content is damaged in the vault: {reason}"),
            Self::Refused { reason } => write!(f, "the system refused: {reason}"),
            Self::NotMade { kind } => write!(f, "a {kind} is not restored"),
        }
    }
}

impl Failure {
    pub(super) fn refused(error: impl fmt::Display) -> Self {
        Self::Refused { reason: error.to_string() }
    }
}

/// One entry of the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileResult {
    /// Its path below the target folder.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Each file, link and special file, and each folder that failed, sorted by path.
    pub files: Vec<FileResult>,
    /// Folders that are there now.
    pub dirs: u64,
    /// Bytes of content written.
    pub bytes_restored: u64,
    /// Half-written files of an earlier restore that was killed, removed from the folders.
    pub leftovers_removed: u64,
    /// Metadata that could not be set on entries that are there: path and reason.
    pub warnings: Vec<(PathBuf, String)>,
}

impl Report {
    /// Whether every entry is in place with its content.
    pub fn is_complete(&self) -> bool {
        self.failed().next().is_none()
    }

    /// The entries that are not.
    pub fn failed(&self) -> impl Iterator<Item = (&PathBuf, &Failure)> {
        self.files.iter().filter_map(|file| match &file.outcome {
            Outcome::Failed(failure) => Some((&file.path, failure)),
            Outcome::Restored | Outcome::AlreadyThere => None,
        })
    }
}
