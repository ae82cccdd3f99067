//! What a backup did, in numbers.

use crate::{engine::Progress, pack};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Numbers of one backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Stats {
    /// Files in the snapshot (also symbolic links and special files).
    pub files: u64,
    /// Files that were taken over from the parent without being read.
    pub files_unchanged: u64,
    /// Folders in the snapshot.
    pub dirs: u64,
    /// Bytes of content in the snapshot.
    pub bytes_raw: u64,
    /// Bytes of content and folder listings that the vault did not have.
    pub bytes_new: u64,
    /// What those take in the vault, compressed and sealed.
    pub bytes_stored: u64,
    /// Chunks and folder listings looked at.
    pub chunks: u64,
    /// Of those, how many were new.
    pub chunks_new: u64,
    /// Of the new ones, how many are folder listings.
    pub trees_new: u64,
    /// Pack files written.
    pub packs: u64,
}

#[derive(Debug)]
pub(super) struct Counters {
    files: AtomicU64,
    files_unchanged: AtomicU64,
    dirs: AtomicU64,
    bytes_raw: AtomicU64,
    bytes_new: AtomicU64,
    bytes_stored: AtomicU64,
    chunks: AtomicU64,
    chunks_new: AtomicU64,
    trees_new: AtomicU64,
    packs: AtomicU64,
    progress: Arc<Progress>,
}

impl Counters {
    pub(super) fn new(progress: Arc<Progress>) -> Self {
        let zero = AtomicU64::default;
        Self {
            files: zero(),
            files_unchanged: zero(),
            dirs: zero(),
            bytes_raw: zero(),
            bytes_new: zero(),
            bytes_stored: zero(),
            chunks: zero(),
            chunks_new: zero(),
            trees_new: zero(),
            packs: zero(),
            progress,
        }
    }

    pub(super) fn chunk(&self) {
        self.chunks.fetch_add(1, Relaxed);
    }

    pub(super) fn stored(&self, kind: pack::Kind, new: u64, stored: u64) {
        self.chunks_new.fetch_add(1, Relaxed);
        self.trees_new.fetch_add(u64::from(kind == pack::Kind::Tree), Relaxed);
        self.bytes_new.fetch_add(new, Relaxed);
        self.bytes_stored.fetch_add(stored, Relaxed);
    }

    pub(super) fn read(&self, bytes: u64) {
        self.bytes_raw.fetch_add(bytes, Relaxed);
        Progress::add(&self.progress.bytes_done, bytes);
    }

    pub(super) fn file(&self, unchanged: bool) {
        self.files.fetch_add(1, Relaxed);
        self.files_unchanged.fetch_add(u64::from(unchanged), Relaxed);
        Progress::add(&self.progress.files_done, 1);
    }

    pub(super) fn dir(&self) {
        self.dirs.fetch_add(1, Relaxed);
    }

    pub(super) fn pack(&self, bytes: u64) {
        self.packs.fetch_add(1, Relaxed);
        Progress::add(&self.progress.bytes_stored, bytes);
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            files: self.files.load(Relaxed),
            files_unchanged: self.files_unchanged.load(Relaxed),
            dirs: self.dirs.load(Relaxed),
            bytes_raw: self.bytes_raw.load(Relaxed),
            bytes_new: self.bytes_new.load(Relaxed),
            bytes_stored: self.bytes_stored.load(Relaxed),
            chunks: self.chunks.load(Relaxed),
            chunks_new: self.chunks_new.load(Relaxed),
            trees_new: self.trees_new.load(Relaxed),
            packs: self.packs.load(Relaxed),
        }
    }
}
