//! Beginning a backup, and what can be put into it.

use super::{
    BackupOptions, Chunking, Error, FileMeta, FileWriter, Result,
    claims::Claims,
    indexer::Indexer,
    known::Known,
    metadata::Names,
    packer::Packer,
    session::{Reclaimer, Session},
    snapshot_tree::{SnapshotTree, split},
    stats::Counters,
    unreadable::Unreadables,
    walk::walk,
};
use crate::{
    Vault,
    chunk::{Cutter, Gear, Sizes},
    engine::{Engine, Phase, Reclaim},
    time::Time,
    vault::Indexed,
};
use rand::{SeedableRng, rngs::StdRng};
use std::{
    num::NonZeroUsize,
    path::Path,
    sync::{Arc, Weak},
};
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::task::TaskTracker;

/// Longest chunk of [`Chunking::Fixed`].
const MAX_FIXED_BYTES: usize = 8 << 20;

/// A backup in the making. Nothing of it is visible before [`commit`](Self::commit); dropping it stops it.
///
/// Calls may run at the same time: several files may be open, while folders are read.
#[derive(Debug)]
pub struct Backup {
    pub(super) session: Arc<Session>,
    pub(super) tree: Arc<SnapshotTree>,
    pub(super) unreadables: Arc<Unreadables>,
    pub(super) options: BackupOptions,
    /// Kept alive for the engine's budget.
    _reclaimer: Arc<dyn Reclaim>,
}

impl Vault<Indexed> {
    /// Begins a backup into this vault. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`Error::Config`] if the vault's chunker settings cannot be used.
    pub fn backup(&self, engine: &Engine, options: BackupOptions) -> Result<Backup> {
        let session = Arc::new(Session {
            vault: self.clone(),
            engine: engine.clone(),
            runtime: Handle::current(),
            cancel: options.cancel.child_token(),
            compression: options.compression,
            cutter: cutter(self, options.chunking)?,
            data: Packer::new(StdRng::from_rng(&mut rand::rng())),
            trees: Packer::new(StdRng::from_rng(&mut rand::rng())),
            claims: Claims::default(),
            indexer: Indexer::new(options.index_every),
            depth: options.proof,
            written: Default::default(),
            counters: Counters::new(Arc::clone(&options.progress)),
            progress: Arc::clone(&options.progress),
            tasks: TaskTracker::new(),
            failure: Default::default(),
            names: Names::default(),
            started: Time::utc(options.clock.now()),
            open_files: Default::default(),
        });
        let reclaimer: Arc<dyn Reclaim> = Arc::new(Reclaimer(Arc::downgrade(&session)));
        let weak: Weak<dyn Reclaim> = Arc::downgrade(&reclaimer);
        engine.register(weak);
        session.progress.enter(Phase::Planning);
        Ok(Backup { session, tree: Arc::default(), unreadables: Arc::default(), options, _reclaimer: reclaimer })
    }
}

fn cutter(vault: &Vault<Indexed>, chunking: Chunking) -> Result<Cutter> {
    let bad = |reason: String| Error::Config { reason };
    match chunking {
        Chunking::Fixed(length) => {
            let length = length.get().min(MAX_FIXED_BYTES);
            Ok(Cutter::fixed(NonZeroUsize::new(length).unwrap_or(NonZeroUsize::MIN)))
        }
        Chunking::Content => {
            let (seed, sizes) = settings(vault).map_err(bad)?;
            let gear = Gear::keyed(&seed).map_err(|error| bad(error.to_string()))?;
            Ok(Cutter::content(Arc::new(gear), sizes))
        }
    }
}

/// Seed and sizes of the vault. A repository that restic made has none: its random id, which only key holders see, serves
/// as seed.
fn settings(vault: &Vault<Indexed>) -> Result<([u8; 32], Sizes), String> {
    let config = vault.config();
    let Some(extension) = &config.keepsake else { return Ok((*config.id.as_bytes(), Sizes::DEFAULT)) };
    let chunker = &extension.chunker;
    if chunker.algorithm != crate::chunk::ALGORITHM {
        return Err(format!("its chunks are cut by `{}`, which needs a newer program", chunker.algorithm));
    }
    let size = |bytes: u32| usize::try_from(bytes).map_err(|error| error.to_string());
    let sizes = Sizes::new(size(chunker.min)?, size(chunker.avg)?, size(chunker.max)?);
    Ok((chunker.seed, sizes.map_err(|error| error.to_string())?))
}

impl Backup {
    /// Begins a file at `path` inside the snapshot; its folders are made as needed.
    ///
    /// # Errors
    /// [`Error::Path`] if no file can lie there; [`Error`] if the backup failed or was cancelled.
    pub fn file(&self, path: impl AsRef<[u8]>, meta: FileMeta) -> Result<FileWriter> {
        self.session.check()?;
        let names = split(path.as_ref())?;
        if names.is_empty() {
            return Err(Error::Path { path: String::new(), reason: "a file needs a name" });
        }
        self.session.progress.enter(Phase::Transferring);
        Ok(FileWriter::new(Arc::clone(&self.session), Arc::clone(&self.tree), names, meta))
    }

    /// Reads a file or folder of the local machine, with everything below it, to `as_path` inside the snapshot. Symbolic
    /// links are stored, not followed.
    ///
    /// # Errors
    /// [`Error::Source`] if `local` itself is not there. What cannot be read below it is reported by the commit.
    pub async fn add_path(&self, local: impl AsRef<Path>, as_path: impl AsRef<[u8]>) -> Result<()> {
        self.session.check()?;
        let names = split(as_path.as_ref())?;
        let local = local.as_ref().to_owned();
        let (send, answer) = oneshot::channel();
        let known = Known::find(&self.session, self.options.parent, &names).await?;
        let walker = tokio::task::spawn_blocking({
            let (session, unreadables) = (Arc::clone(&self.session), Arc::clone(&self.unreadables));
            move || walk(&session, &unreadables, &local, known, send)
        });
        let walked = walker.await.map_err(|_| Error::Lost).flatten();
        if let Err(error) = walked {
            self.session.fail(error);
            return self.session.check();
        }
        let node = self.session.cancel.run_until_cancelled(answer).await;
        self.session.check()?;
        match node {
            Some(Ok(Some(node))) => self.tree.insert(&names, node),
            // Unreadable as a whole: it is in the report.
            Some(Ok(None)) => Ok(()),
            Some(Err(_)) | None => Err(Error::Lost),
        }
    }
}

impl Drop for Backup {
    fn drop(&mut self) {
        // After a commit nothing is left to stop.
        self.session.cancel.cancel();
    }
}
