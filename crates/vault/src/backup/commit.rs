//! The end of a backup: folder listings, packs, index, the proof that all of it is kept, and only then the snapshot.

use super::{Backup, Depth, Error, Proof, Result, SnapshotSpec, Stats, Unreadable};
use crate::{
    engine::{
        Phase,
        failpoint::{Failpoint, hit},
    },
    file,
    id::Id,
    snapshot::{Snapshot, Summary},
    time::Time,
};
use std::sync::{Arc, atomic::Ordering::SeqCst};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Whether everything could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// All of it is in the snapshot.
    Complete,
    /// These paths are missing; the snapshot must never be shown as good (safety rule S13).
    Incomplete(Vec<Unreadable>),
}

/// A snapshot that was written, and that the store keeps with all that it needs.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The snapshot.
    pub snapshot: Id,
    /// Its root folder.
    pub tree: Id,
    /// Whether everything could be read.
    pub result: Completeness,
    /// What was done.
    pub stats: Stats,
    /// What was proven from the store.
    pub proof: Proof,
}

impl Backup {
    /// Writes the snapshot, if everything before it went well.
    ///
    /// `spec` is asked for once it is known what could not be read, so that it can mark an incomplete snapshot.
    ///
    /// # Errors
    /// The first failure of the backup, such as a source that ended early, a full disk, a store that does not keep what it
    /// took, or a cancellation; [`Error::OlderPacksLost`] at the very end. No snapshot is written then, and what was stored
    /// and kept is named by an index file for the next backup.
    pub async fn commit(self, spec: impl FnOnce(&Completeness) -> SnapshotSpec) -> Result<Committed> {
        match self.finish(spec).await {
            Ok(committed) => Ok(committed),
            Err(error) => {
                self.session.fail(Error::Failed);
                self.save_what_is_stored().await;
                Err(error)
            }
        }
    }

    /// Gives up, and makes what was stored so far known to the next backup.
    pub async fn abort(self) {
        self.session.fail(Error::Cancelled);
        self.save_what_is_stored().await;
    }

    async fn save_what_is_stored(&self) {
        self.session.settle().await;
        // The session's own token is cancelled by now.
        if let Err(error) = self.session.flush_index(&CancellationToken::new()).await {
            // Not needed for safety: the packs are only not found again.
            tracing::debug!(%error, "packs of an unfinished backup could not be indexed");
        }
    }

    async fn finish(&self, spec: impl FnOnce(&Completeness) -> SnapshotSpec) -> Result<Committed> {
        let session = &self.session;
        session.check()?;
        if session.open_files.load(SeqCst) > 0 {
            return Err(Error::Unfinished { path: "a file that is still open".to_owned() });
        }
        session.progress.enter(Phase::Finishing);
        let tree = self.store_trees().await?;
        // Jobs may still be sealing; only when they are done are the open packs final.
        session.settle().await;
        session.check()?;
        session.ship_all()?;
        session.settle().await;
        session.check()?;
        session.flush_index(&session.cancel).await?;
        let written = std::mem::take(&mut *session.written());
        let proof = session.prove(tree, &written);
        let proof = session.cancel.run_until_cancelled(proof).await.ok_or(Error::Cancelled)??;
        let unreadable = self.unreadables.take();
        let result = if unreadable.is_empty() { Completeness::Complete } else { Completeness::Incomplete(unreadable) };
        let stats = session.counters.stats();
        let snapshot = self.describe(spec(&result), tree, &stats);
        // The last moment at which a cancellation counts.
        session.check()?;
        hit(Failpoint::BeforeSnapshotPut);
        let snapshot = session.vault.store_document(file::Kind::Snapshot, snapshot.encode()).await?;
        hit(Failpoint::AfterSnapshotPut);
        // One that does not read back is damaged, and never chosen.
        session.kept(file::Kind::Snapshot, snapshot, Depth::Read).await?;
        session.progress.enter(Phase::Done);
        Ok(Committed { snapshot: snapshot.id, tree, result, stats, proof })
    }

    fn describe(&self, spec: SnapshotSpec, tree: Id, stats: &Stats) -> Snapshot {
        let SnapshotSpec { time, hostname, username, tags, paths, original } = spec;
        let summary = Summary {
            backup_start: self.session.started,
            backup_end: Time::utc(self.options.clock.now()),
            files_new: 0,
            files_changed: stats.files - stats.files_unchanged,
            files_unmodified: stats.files_unchanged,
            dirs_new: 0,
            dirs_changed: stats.dirs,
            dirs_unmodified: 0,
            data_blobs: stats.chunks_new - stats.trees_new,
            tree_blobs: stats.trees_new,
            data_added: stats.bytes_new,
            data_added_packed: stats.bytes_stored,
            total_files_processed: stats.files,
            total_bytes_processed: stats.bytes_raw,
        };
        Snapshot {
            parent: self.options.parent,
            paths,
            hostname,
            username,
            tags,
            original,
            program_version: concat!("keepsake ", env!("CARGO_PKG_VERSION")).to_owned(),
            summary: Some(summary),
            ..Snapshot::new(time, tree)
        }
    }

    async fn store_trees(&self) -> Result<Id> {
        let (send, answer) = oneshot::channel();
        let (job, tree) = (self.session.job(None), Arc::clone(&self.tree));
        self.session.engine.run(move |scratch| {
            let stored = tree.store(job.session(), scratch);
            job.end(stored.map(|id| {
                let _unheard_after_a_cancellation = send.send(id);
            }));
        });
        match answer.await {
            Ok(id) => Ok(id),
            Err(_) => self.session.check().and(Err(Error::Lost)),
        }
    }
}
