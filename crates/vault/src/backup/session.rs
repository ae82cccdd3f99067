//! What the parts of one backup share, and how a blob is stored.

use super::{
    Compression, Depth, Error, Result,
    claims::Claims,
    indexer::Indexer,
    metadata::Names,
    packer::{Blob, Packer},
    probe::is_compressible,
    prove::Written,
    stats::Counters,
};
use crate::{
    Vault,
    chunk::Cutter,
    engine::{Admission, Engine, Progress, Reclaim, Scratch},
    id::Id,
    pack,
    time::Time,
    vault::Indexed,
};
use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
};
use tokio::runtime::Handle;
use tokio_util::{sync::CancellationToken, task::TaskTracker, task::task_tracker::TaskTrackerToken};

/// Data below this is sealed as it is: zstd's frame would be longer.
const COMPRESS_FROM_BYTES: usize = 24;

#[derive(Debug)]
pub(super) struct Session {
    pub(super) vault: Vault<Indexed>,
    pub(super) engine: Engine,
    pub(super) runtime: Handle,
    /// Cancelled by the caller, or by the first failure.
    pub(super) cancel: CancellationToken,
    pub(super) compression: Compression,
    /// A cutter at the start of a stream, to clone.
    pub(super) cutter: Cutter,
    pub(super) data: Packer,
    pub(super) trees: Packer,
    pub(super) claims: Claims,
    pub(super) indexer: Indexer,
    /// How closely packs of data are looked at once they are stored.
    pub(super) depth: Depth,
    pub(super) written: Mutex<Written>,
    pub(super) counters: Counters,
    pub(super) progress: Arc<Progress>,
    /// Work and uploads that are not done.
    pub(super) tasks: TaskTracker,
    pub(super) failure: Mutex<Option<Error>>,
    pub(super) names: Names,
    pub(super) started: Time,
    /// Files that were begun and not finished.
    pub(super) open_files: AtomicUsize,
}

/// One piece of work on the CPU threads. Dropped without [`done`](Self::done), it fails the backup.
#[derive(Debug)]
pub(super) struct Job {
    session: Arc<Session>,
    done: bool,
    _admission: Option<Admission>,
    _tracked: TaskTrackerToken,
}

impl Job {
    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Ends the work well, or fails the backup.
    pub(super) fn end(mut self, result: Result<()>) {
        self.done = true;
        if let Err(error) = result {
            self.session.fail(error);
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.done {
            self.session.fail(Error::Lost);
        }
    }
}

impl Session {
    /// Records the first failure and stops everything else.
    pub(super) fn fail(&self, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            // After a cancellation every part fails somehow; those errors are only echoes.
            let error = if self.cancel.is_cancelled() { Error::Cancelled } else { error };
            *failure = Some(error);
        }
        drop(failure);
        self.cancel.cancel();
    }

    /// Whether the backup may go on, for a part of its work. The first failure stays for the caller.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::Failed) } else { Ok(()) }
    }

    /// Whether the backup may go on, for its caller, who is told the first failure once.
    pub(super) fn check(&self) -> Result<()> {
        if !self.cancel.is_cancelled() {
            return Ok(());
        }
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.replace(Error::Failed) {
            Some(error) => Err(error),
            None => {
                *failure = Some(Error::Cancelled);
                Err(Error::Cancelled)
            }
        }
    }

    /// Waits until work that makes at most `bytes` of new content may begin.
    pub(super) async fn admit(self: &Arc<Self>, bytes: u64) -> Result<Job> {
        self.go_on()?;
        let admission = self.engine.admit(bytes, &self.cancel).await.map_err(|_| Error::Failed)?;
        Ok(self.job(Some(admission)))
    }

    /// Work that needs no memory worth counting.
    pub(super) fn job(self: &Arc<Self>, admission: Option<Admission>) -> Job {
        Job { session: Arc::clone(self), done: false, _admission: admission, _tracked: self.tasks.token() }
    }

    /// Stores one blob unless the vault has it, or another part of this backup is storing it.
    pub(super) fn store(self: &Arc<Self>, scratch: &mut Scratch, kind: pack::Kind, id: Id, data: &[u8]) -> Result<()> {
        self.counters.chunk();
        if self.vault.index().contains(kind, &id) || !self.claims.claim(kind, id) {
            return Ok(());
        }
        let compressed = self.compress(scratch, kind, data)?;
        let blob = match compressed {
            Some(length) => Blob { id, kind, bytes: &scratch.compressed, uncompressed_length: Some(length) },
            None => Blob { id, kind, bytes: data, uncompressed_length: None },
        };
        let packer = match kind {
            pack::Kind::Data => &self.data,
            pack::Kind::Tree => &self.trees,
        };
        let (stored, full) = packer.add(&self.engine, self.vault.key(), blob)?;
        self.counters.stored(kind, data.len() as u64, stored);
        if let Some(full) = full {
            self.ship(full);
        }
        Ok(())
    }

    /// Compresses into the scratch space; the length of the content if that was a gain.
    fn compress(&self, scratch: &mut Scratch, kind: pack::Kind, data: &[u8]) -> Result<Option<NonZeroU32>> {
        let Compression::Auto { level } = self.compression else { return Ok(None) };
        let worth = data.len() >= COMPRESS_FROM_BYTES && (kind == pack::Kind::Tree || is_compressible(data));
        if !worth || scratch.compress(data, level).map_err(Error::Compress)? >= data.len() {
            return Ok(None);
        }
        Ok(u32::try_from(data.len()).ok().and_then(NonZeroU32::new))
    }

    /// Starts the upload of a pack.
    pub(super) fn ship(self: &Arc<Self>, pack: pack::Finished) {
        let session = Arc::clone(self);
        let shipment = self.engine.ship();
        self.tasks.spawn_on(
            async move {
                let _on_its_way = shipment;
                if let Err(error) = session.upload(pack).await {
                    session.fail(error);
                }
            },
            &self.runtime,
        );
    }

    /// The packs that the store took and keeps.
    pub(super) fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Completes every open pack and starts its upload.
    pub(super) fn ship_all(self: &Arc<Self>) -> Result<()> {
        for packer in [&self.data, &self.trees] {
            while let Some(pack) = packer.finish_fullest(&self.engine, self.vault.key())? {
                self.ship(pack);
            }
        }
        Ok(())
    }

    /// Waits until all work and all uploads are done.
    pub(super) async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}

/// The session as the engine's budget sees it.
#[derive(Debug)]
pub(super) struct Reclaimer(pub(super) std::sync::Weak<Session>);

impl Reclaim for Reclaimer {
    fn reclaimable_bytes(&self) -> u64 {
        self.0.upgrade().map_or(0, |session| session.data.open_bytes() + session.trees.open_bytes())
    }

    fn reclaim(&self) -> bool {
        let Some(session) = self.0.upgrade() else { return false };
        let packer =
            if session.data.open_bytes() >= session.trees.open_bytes() { &session.data } else { &session.trees };
        match packer.finish_fullest(&session.engine, session.vault.key()) {
            Ok(Some(pack)) => {
                session.ship(pack);
                true
            }
            Ok(None) => false,
            Err(error) => {
                session.fail(error.into());
                false
            }
        }
    }
}
