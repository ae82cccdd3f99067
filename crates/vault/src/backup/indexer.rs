//! Packs go to the store, are proven to be kept there, then go into an index file, and only then may a snapshot need them.
//! A pack that the store did not keep is in no index file, so the next backup stores its blobs anew.
//!
//! Index files are written while a long backup is running: what they name is found by the next backup should this one
//! not reach its end.

use super::{Depth, Error, Result, session::Session};
use crate::{
    engine::failpoint::{Failpoint, hit},
    file,
    index::{self, PackBlobs},
    pack,
    vault::Stored,
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// When the packs stored since the last index file are written into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEvery {
    /// After this many blobs.
    pub blobs: usize,
    /// After this many bytes of packs.
    pub bytes: u64,
    /// After this long.
    pub time: Duration,
}

impl Default for IndexEvery {
    /// 50,000 blobs (restic's own limit for a file), 4 GiB, or 2 minutes.
    fn default() -> Self {
        Self { blobs: 50_000, bytes: 4 << 30, time: Duration::from_secs(120) }
    }
}

#[derive(Debug)]
pub(super) struct Indexer {
    every: IndexEvery,
    pending: Mutex<Pending>,
}

#[derive(Debug)]
struct Pending {
    packs: Vec<PackBlobs>,
    blobs: usize,
    bytes: u64,
    since: Instant,
}

impl Pending {
    fn empty() -> Self {
        Self { packs: Vec::new(), blobs: 0, bytes: 0, since: Instant::now() }
    }
}

impl Indexer {
    pub(super) fn new(every: IndexEvery) -> Self {
        Self { every, pending: Mutex::new(Pending::empty()) }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a pack that is kept. Returns the packs of an index file that is due.
    fn add(&self, pack: PackBlobs, bytes: u64) -> Option<Vec<PackBlobs>> {
        let mut pending = self.pending();
        pending.blobs += pack.blobs.len();
        pending.bytes += bytes;
        pending.packs.push(pack);
        let due = pending.blobs >= self.every.blobs
            || pending.bytes >= self.every.bytes
            || pending.since.elapsed() >= self.every.time;
        due.then(|| std::mem::replace(&mut *pending, Pending::empty()).packs)
    }

    fn take(&self) -> Vec<PackBlobs> {
        std::mem::replace(&mut *self.pending(), Pending::empty()).packs
    }
}

impl Session {
    /// Writes one pack to the store, makes sure that it is kept there, and writes an index file if one is due.
    pub(super) async fn upload(&self, pack: pack::Finished) -> Result<()> {
        let _transfer = self.engine.transfer(&self.cancel).await?;
        hit(Failpoint::BeforePackPut);
        let put = self.vault.put_pack(&pack);
        self.cancel.run_until_cancelled(put).await.ok_or(Error::Cancelled)??;
        hit(Failpoint::AfterPackPut);
        let pack::Finished { id, payload, entries, size_bytes } = pack;
        // From here on its memory is free for others, and for reading it back.
        drop(payload);
        // Listings are little, and every later snapshot that shares one would be lost with it.
        let listings = entries.iter().any(|entry| entry.kind == pack::Kind::Tree);
        let depth = if listings { Depth::Read } else { self.depth };
        let kept = self.kept(file::Kind::Pack, Stored { id, size_bytes }, depth);
        self.cancel.run_until_cancelled(kept).await.ok_or(Error::Cancelled)??;
        self.counters.pack(size_bytes);
        self.written().add(id, size_bytes, depth);
        if let Some(due) = self.indexer.add(PackBlobs { id, blobs: entries }, size_bytes) {
            self.put_index(due, &self.cancel).await?;
        }
        Ok(())
    }

    /// Writes what is not in an index file yet into one.
    pub(super) async fn flush_index(&self, cancel: &CancellationToken) -> Result<()> {
        let packs = self.indexer.take();
        if packs.is_empty() { Ok(()) } else { self.put_index(packs, cancel).await }
    }

    /// `cancel` stops the proof and not the put: what is stored would be lost to the next backup.
    async fn put_index(&self, packs: Vec<PackBlobs>, cancel: &CancellationToken) -> Result<()> {
        let file = index::File { packs, packs_to_delete: Vec::new(), supersedes: Vec::new() };
        hit(Failpoint::BeforeIndexPut);
        let stored = self.vault.store_document(file::Kind::Index, file.encode()).await?;
        hit(Failpoint::AfterIndexPut);
        let kept = self.kept(file::Kind::Index, stored, Depth::Read);
        cancel.run_until_cancelled(kept).await.ok_or(Error::Cancelled)??;
        // From here on other backups with this vault open find these blobs.
        for pack in &file.packs {
            self.vault.index().add_pack(pack.id, &pack.blobs);
        }
        Ok(())
    }
}
