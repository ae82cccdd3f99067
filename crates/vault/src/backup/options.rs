//! How a backup is to be made.

use super::{Depth, IndexEvery};
use crate::{engine::Progress, id::Id, time::Time};
use keepsake_domain::{Clock, SystemClock};
use std::{num::NonZeroUsize, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Where content is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chunking {
    /// By content, with the vault's own gear table and sizes.
    #[default]
    Content,
    /// Every so many bytes, at most 8 MiB: for files that change in place. Use a multiple of the page size.
    Fixed(NonZeroUsize),
}

/// Whether and how content is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    Off,
    /// What a few samples say will shrink, at this level of zstd.
    Auto {
        /// From 1 (fast) to 19 (small).
        level: i32,
    },
}

impl Default for Compression {
    /// Level 1: rows shrink to a third at three times the speed of the next better ratio.
    fn default() -> Self {
        Self::Auto { level: 1 }
    }
}

/// Options of one backup.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// A snapshot's id; files whose size, times and inode are as in it are taken over without being read.
    pub parent: Option<Id>,
    /// Where content is cut.
    pub chunking: Chunking,
    /// Whether content is compressed.
    pub compression: Compression,
    /// Stops the backup; nothing of it will be visible, and what is stored is used by the next.
    pub cancel: CancellationToken,
    /// Counters to show to people.
    pub progress: Arc<Progress>,
    /// How closely to look whether the store keeps the packs of data that it took.
    pub proof: Depth,
    /// When interim index files are written.
    pub index_every: IndexEvery,
    /// For the snapshot's record of when the backup ran.
    pub clock: Arc<dyn Clock>,
}

impl Default for BackupOptions {
    fn default() -> Self {
        Self {
            parent: None,
            chunking: Chunking::default(),
            compression: Compression::default(),
            cancel: CancellationToken::new(),
            progress: Arc::default(),
            proof: Depth::default(),
            index_every: IndexEvery::default(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// What the snapshot says of itself.
#[derive(Debug, Clone)]
pub struct SnapshotSpec {
    /// When the data was as it is in the snapshot.
    pub time: Time,
    /// The machine.
    pub hostname: String,
    /// The user.
    pub username: String,
    /// Tags, without commas.
    pub tags: Vec<String>,
    /// What was backed up, as people named it.
    pub paths: Vec<String>,
    /// The snapshot that this one rewrites.
    pub original: Option<Id>,
}
