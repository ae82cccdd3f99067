//! Proof that the store kept a new snapshot, from the store and not from what it answered while the backup ran.
//!
//! A store that takes every byte and loses or changes some is found out here, while the source is still there for
//! another backup, and not at the restore. There are two depths:
//!
//! - *listed*: the snapshot and all its folder listings are read and opened, every blob that they name is in the index,
//!   and every index file and pack that the backup wrote, and every older pack that the snapshot needs, is in the store
//!   with exactly its size;
//! - *read*: also every pack and index file that the backup wrote is read back whole, and its SHA-256 compared with its
//!   name.
//!
//! Older packs, in which content lies that the vault had already, are not read again at either depth: that is the work of
//! [`check`](crate::check), as `keepsake verify` does it. Nor is a blob opened that is no folder listing: a pack with the
//! right SHA-256 is the one that the backup sealed.
//!
//! Memory and threads are the engine's, besides 32 bytes for each folder listing and 48 for each pack.

mod packs;
mod stored;
mod trees;

use super::Committed;
use crate::{
    Vault,
    engine::{Admission, Engine, Phase, Progress, Scratch},
    error::{Damage, Error, Result},
    file,
    id::Id,
    vault::{Indexed, cancellable},
};
use bytes::Bytes;
use std::{collections::HashSet, ops::Range, sync::Arc};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Everything is there, and has its size.
    #[default]
    Listed,
    /// Also, everything that the backup wrote has its SHA-256.
    Read,
}

/// How to prove.
#[derive(Debug, Clone)]
pub struct ProveOptions {
    /// How closely.
    pub depth: Depth,
    /// Stops the proof; the snapshot stays.
    pub cancel: CancellationToken,
    /// Counters to show to people: bytes of packs that are read back.
    pub progress: Arc<Progress>,
}

impl ProveOptions {
    /// `depth`, not watched and never stopped.
    pub fn new(depth: Depth) -> Self {
        Self { depth, cancel: CancellationToken::new(), progress: Arc::default() }
    }
}

/// What was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Proof {
    /// How closely.
    pub depth: Depth,
    /// Packs of this backup: in the store, and with *read* read back.
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

impl Vault<Indexed> {
    /// Proves from the store that what `committed` says is kept there. The vault must be the one that was backed up
    /// into, or one whose index was loaded since.
    ///
    /// # Errors
    /// [`Error::NotKept`] with the first file that is not there as it was written; [`Error::MissingBlob`] and
    /// [`Error::DamagedBlob`] for a folder listing that cannot be read, or names a blob that is nowhere;
    /// [`Error::Store`], [`Error::Cancelled`].
    pub async fn prove(&self, engine: &Engine, committed: &Committed, options: ProveOptions) -> Result<Proof> {
        let ProveOptions { depth, cancel, progress } = options;
        let prover = Prover { vault: self.clone(), engine: engine.clone(), cancel };
        let written = &committed.written;
        progress.enter(Phase::Planning);
        let snapshot = prover.vault.snapshot(&committed.snapshot, &prover.cancel).await;
        let not_as_written = |error| prover.not_as_written(file::Kind::Snapshot, committed.snapshot, error);
        let root = snapshot.map_err(not_as_written)?.tree;
        prover.all_stored(file::Kind::Index, &written.index).await?;
        prover.all_stored(file::Kind::Pack, &written.packs).await?;
        let mut needs = prover.walk(root).await?;
        for pack in &written.packs {
            needs.packs.remove(&pack.id);
        }
        let older = prover.sizes(&needs.packs);
        prover.all_stored(file::Kind::Pack, &older).await?;
        progress.enter(Phase::Transferring);
        let read_bytes = match depth {
            Depth::Listed => 0,
            Depth::Read => prover.read_back(written, &progress).await?,
        };
        progress.enter(Phase::Done);
        Ok(Proof {
            depth,
            packs: written.packs.len() as u64,
            older_packs: older.len() as u64,
            trees: needs.trees,
            blobs: needs.blobs,
            read_bytes,
        })
    }
}

/// What the parts of a proof share.
#[derive(Clone)]
struct Prover {
    vault: Vault<Indexed>,
    engine: Engine,
    cancel: CancellationToken,
}

/// What a snapshot needs, as its folder listings say.
#[derive(Debug, Default)]
struct Needs {
    packs: HashSet<Id>,
    trees: u64,
    blobs: u64,
}

impl Prover {
    /// Turns what reading a file gave into the error that names it.
    fn not_as_written(&self, kind: file::Kind, id: Id, error: Error) -> Error {
        match error {
            Error::Damaged { source, .. } => self.not_kept(kind, id, source),
            Error::Store(error) if error.is_not_found() => self.not_kept(kind, id, Damage::Absent),
            other => other,
        }
    }

    fn not_kept(&self, kind: file::Kind, id: Id, source: Damage) -> Error {
        Error::NotKept { kind, id, location: self.vault.store().location(), source }
    }

    /// How many requests run at once.
    fn requests(&self) -> usize {
        self.engine.config().transfers.max(1)
    }

    /// Reads a range of a pack, within the limits of the engine. `memory_bytes` is what it takes until the admission is
    /// dropped.
    async fn fetch(&self, pack: Id, range: Range<u64>, memory_bytes: u64) -> Result<(Bytes, Admission)> {
        let stopped = |_| Error::Cancelled;
        let admission = self.engine.admit(memory_bytes, &self.cancel).await.map_err(stopped)?;
        let _transfer = self.engine.transfer(&self.cancel).await.map_err(stopped)?;
        let key = file::Kind::Pack.key(&pack);
        let get = async { Ok(self.vault.store().get_range(&key, range).await?) };
        let got = cancellable(&self.cancel, get).await;
        let bytes = got.map_err(|error| self.not_as_written(file::Kind::Pack, pack, error))?;
        Ok((bytes, admission))
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
