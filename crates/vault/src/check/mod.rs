//! Is a vault whole, and if not: which snapshots and files does each fault touch?
//!
//! Three levels. *structure* reads everything small: key files, index, snapshots, all folder listings; and compares the
//! names and sizes of packs with the index. *hashes* also reads every pack and compares its SHA-256 with its name, for
//! which no key would be needed. *all* also opens every blob and compares it with its id, and every pack's header with
//! the index. A pack that turns out wrong at any level is looked at blob by blob, so that the report says what is lost and
//! not what might be.
//!
//! A fault is what loses data or makes stock restic complain. Leftovers of interrupted work, duplicates and foreign
//! objects are hints.
//!
//! Memory: the index, 32 bytes for each folder listing, and for each worker a segment and a blob.

mod load;
mod packs;
mod report;
mod state;
mod touch;
mod trees;

pub use report::{Affected, Fault, Finding, Hint, Report};

use crate::{
    error::Result,
    vault::{Open, Vault},
};
use std::{
    fmt,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio_util::sync::CancellationToken;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything small, and the presence and size of packs.
    #[default]
    Structure,
    /// Also the SHA-256 of every pack.
    Hashes,
    /// Also every blob, decrypted and compared.
    All,
}

impl Level {
    /// The word on the command line and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structure => "structure",
            Self::Hashes => "hashes",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a level of verification: use structure, hashes or all")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let level = [Self::Structure, Self::Hashes, Self::All].into_iter().find(|level| level.name() == text);
        level.ok_or_else(|| UnknownLevel(text.chars().take(40).collect()))
    }
}

/// How to check.
#[derive(Debug, Clone)]
pub struct Options {
    /// How closely.
    pub level: Level,
    /// How many packs or listings are worked on at once; each takes up to 8 MiB and a blob.
    pub workers: usize,
    /// Counters to be watched meanwhile.
    pub progress: Arc<Progress>,
}

impl Options {
    /// `level` with a worker for each core.
    pub fn new(level: Level) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self { level, workers: cores.clamp(2, 8), progress: Arc::default() }
    }
}

/// How far a check is. Totals grow as they become known.
#[derive(Debug, Default)]
pub struct Progress {
    /// Packs that will be read.
    pub packs_total: AtomicU64,
    /// Packs that were read.
    pub packs_done: AtomicU64,
    /// Bytes of packs that will be read.
    pub bytes_total: AtomicU64,
    /// Bytes of packs that were read.
    pub bytes_done: AtomicU64,
    /// Snapshots whose listings will be read.
    pub snapshots_total: AtomicU64,
    /// Folder listings that were read.
    pub trees_done: AtomicU64,
    /// Faults found so far.
    pub faults: AtomicU64,
}

impl Progress {
    pub(super) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

impl Vault<Open> {
    /// Checks the vault. What cannot be read is a fault in the report, not an error.
    ///
    /// # Errors
    /// [`Error::Store`](crate::Error::Store) if not even the files can be listed;
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub async fn check(&self, options: &Options, cancel: &CancellationToken) -> Result<Report> {
        let mut state = load::load(self, options, cancel).await?;
        packs::check(&mut state, options, cancel).await?;
        let walked = trees::check(&mut state, options, cancel).await?;
        touch::attribute(&mut state, &walked, cancel).await?;
        Ok(state.into_report(options.level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_round_trip_and_refuse_other_words() {
        for level in [Level::Structure, Level::Hashes, Level::All] {
            assert_eq!(level.to_string().parse::<Level>().unwrap(), level);
        }
        assert!(Level::Structure < Level::Hashes && Level::Hashes < Level::All);
        assert!("deep".parse::<Level>().unwrap_err().to_string().contains("structure, hashes or all"));
    }
}
