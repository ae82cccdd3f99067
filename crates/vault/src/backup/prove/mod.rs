//! Proof that the store keeps a new snapshot, from the store and not from what it answered when it took the files.
//!
//! A store that takes every byte and loses or changes some is found out here, while the source is still there for
//! another backup, and not at the restore. Each file is proven before the next kind may name it: a pack before an index
//! file lists it, so that no later backup builds on a bad one; an index file before its blobs count as stored; and all
//! that the snapshot needs before the snapshot is put. Packs of folder listings, index files and the snapshot are read back
//! whole, and their SHA-256 compared with their names. For packs of data there are two depths: *listed*, by which they are in
//! the store with exactly their sizes, and *read*, by which they are read back, too.
//!
//! At either depth all folder listings of the snapshot are read and opened, every blob that they name is in the index, and
//! every older pack in which such blobs lie is in the store with its size. Where one is not, or holds a listing that cannot be
//! read, its blobs are looked for in other packs; if there are none, the backup ends with all such packs, and another one can
//! be made without them. Older packs are not read again: that is the work of [`check`](crate::check), as `keepsake verify`
//! does it. Nor is a blob opened that is no folder listing: a pack with the right SHA-256 is the one that the backup sealed.
//!
//! Memory and threads are the engine's, besides some pieces of an answer for each transfer, and some 50 bytes for each
//! folder listing and pack.

mod kept;
mod older;
mod trees;

use super::session::Session;
use crate::{
    backup,
    engine::{Admission, Scratch},
    error::{Damage, Error, Result},
    file,
    id::Id,
};
use bytes::Bytes;
use kept::damage_of;
use std::{collections::HashSet, ops::Range, sync::Arc};
use tokio::sync::oneshot;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Packs of data are there, and have their sizes.
    #[default]
    Listed,
    /// Packs of data are read back, and have their SHA-256.
    Read,
}

/// What was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// How closely packs of data were looked at.
    pub depth: Depth,
    /// Packs of this backup.
    pub packs: u64,
    /// Older packs that the snapshot needs: in the store, and not read back.
    pub older_packs: u64,
    /// Folder listings read.
    pub trees: u64,
    /// Places in files at which a blob is named that the index knows.
    pub blobs: u64,
    /// Bytes of packs read back.
    pub read_bytes: u64,
}

/// Packs of a backup that the store took and keeps.
#[derive(Debug, Default)]
pub(super) struct Written {
    packs: HashSet<Id>,
    /// Bytes of those that were read back.
    read_bytes: u64,
}

impl Written {
    pub(super) fn add(&mut self, pack: Id, size_bytes: u64, depth: Depth) {
        self.packs.insert(pack);
        if depth == Depth::Read {
            self.read_bytes += size_bytes;
        }
    }
}

/// What a snapshot needs, as its folder listings say.
#[derive(Debug, Default)]
struct Needs {
    packs: HashSet<Id>,
    trees: u64,
    blobs: u64,
    /// Older packs with a listing that cannot be read.
    unreadable: HashSet<Id>,
    /// Some blob lies in lost packs only.
    stranded: bool,
}

impl Session {
    /// Proves that the store has everything that a snapshot of `root` needs. That it kept `written`, the packs of this
    /// backup, is known: they are in the index.
    ///
    /// # Errors
    /// [`OlderPacksLost`](backup::Error::OlderPacksLost) with every older pack that is not there with its size, or has a
    /// listing that cannot be read, if the snapshot needs one; [`Error::MissingBlob`] for a blob that is nowhere;
    /// [`Error::Damaged`] and [`Error::DamagedBlob`] for a listing that this backup stored; [`Error::Store`],
    /// [`Error::Cancelled`].
    pub(super) async fn prove(&self, root: Id, written: &Written) -> backup::Result<Proof> {
        let mut lost = Arc::new(HashSet::new());
        loop {
            // Looks at no pack that is lost already, so each round but the last finds new ones.
            let Needs { packs: mut older, trees, blobs, unreadable, stranded } =
                self.walk(root, &lost, written).await?;
            older.retain(|pack| !written.packs.contains(pack));
            let mut found = self.lost_of(&older).await?;
            found.extend(unreadable);
            if found.is_empty() && stranded {
                return Err(backup::Error::OlderPacksLost { packs: lost.iter().copied().collect() });
            }
            if found.is_empty() {
                let (packs, older_packs) = (written.packs.len() as u64, older.len() as u64);
                let (depth, read_bytes) = (self.depth, written.read_bytes);
                return Ok(Proof { depth, packs, older_packs, trees, blobs, read_bytes });
            }
            if lost.is_empty() {
                // Seldom only one: what lies below a listing that is lost would be found out backup by backup.
                let mut all: HashSet<Id> = self.vault.index().read(|index| index.packs().iter().copied().collect());
                all.retain(|pack| !written.packs.contains(pack));
                found.extend(self.lost_of(&all).await?);
            }
            Arc::make_mut(&mut lost).extend(found);
        }
    }

    /// How many requests run at once.
    fn requests(&self) -> usize {
        self.engine.config().transfers.max(1)
    }

    /// Reads a range of a pack, within the limits of the engine, or says what is wrong with the pack. `memory_bytes` is what
    /// it takes until the admission is dropped.
    async fn fetch(
        &self,
        pack: Id,
        range: Range<u64>,
        memory_bytes: u64,
    ) -> Result<Result<(Bytes, Admission), Damage>> {
        let stopped = |_| Error::Cancelled;
        let admission = self.engine.admit(memory_bytes, &self.cancel).await.map_err(stopped)?;
        let _transfer = self.engine.transfer(&self.cancel).await.map_err(stopped)?;
        let key = file::Kind::Pack.key(&pack);
        match self.vault.store().get_range(&key, range).await {
            Ok(bytes) => Ok(Ok((bytes, admission))),
            Err(error) => damage_of(error).map(Err),
        }
    }

    /// Does work on the CPU threads.
    async fn on_cpu<T: Send + 'static>(&self, work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> Result<T> {
        let (send, answer) = oneshot::channel();
        self.engine.run(move |scratch| {
            let _unheard_after_a_cancellation = send.send(work(scratch));
        });
        answer.await.map_err(|_| Error::Lost)
    }
}
