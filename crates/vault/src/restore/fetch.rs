//! Reading ranges of packs, and opening the blobs in them on the CPU threads.

use super::{
    Error, Result,
    output::Output,
    plan::chain,
    report::{Failure, Outcome},
    schedule::{Place, Read, schedule},
};
use crate::{
    Vault, blob,
    compress::Decompressor,
    engine::{Admission, Engine, Progress, Scratch},
    error::Damage,
    file,
    pack::Entry,
    vault::Indexed,
};
use bytes::{Bytes, BytesMut};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// What the parts of one restore share.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) vault: Vault<Indexed>,
    pub(super) engine: Engine,
    pub(super) runtime: tokio::runtime::Handle,
    /// Cancelled by the caller, or by the first failure of the whole restore.
    pub(super) cancel: CancellationToken,
    pub(super) outputs: Vec<Output>,
    pub(super) progress: Arc<Progress>,
    pub(super) tasks: TaskTracker,
    /// A disk that is full ends the restore.
    pub(super) full: Mutex<Option<io::Error>>,
}

impl Session {
    /// Reads and writes every file that has no outcome yet.
    pub(super) async fn fetch_all(self: &Arc<Self>) -> Result<()> {
        loop {
            let wanted = self.outputs.iter().enumerate().filter(|(_, output)| !output.is_settled());
            let wanted =
                wanted.map(|(number, output)| (number, output.entry.node.content.as_deref().unwrap_or_default()));
            let schedule = schedule(&self.vault, wanted);
            for (file, id) in &schedule.missing {
                let error = crate::Error::MissingBlob { kind: crate::pack::Kind::Data, id: *id };
                if let Some(output) = self.outputs.get(*file) {
                    output.settle(Outcome::Failed(Failure::Damaged { reason: chain(&error) }));
                }
            }
            let pass = self.fetch_pass(schedule.reads).await;
            // Nothing writes any more. A file that is still open was not finished and never will be.
            self.outputs.iter().for_each(Output::give_up);
            pass?;
            let put_off = self.outputs.iter().filter(|output| output.take_up()).count();
            if put_off == 0 {
                return Ok(());
            }
            tracing::debug!(files = put_off, "another pass, for files that would have been too many open at once");
        }
    }

    /// Reads everything scheduled; returns when all of it is written.
    async fn fetch_pass(self: &Arc<Self>, reads: Vec<Read>) -> Result<()> {
        for read in reads {
            if read.blobs.iter().all(|(_, places)| self.is_useless(places)) {
                continue;
            }
            let Ok(admission) = self.engine.admit(read.memory_bytes(), &self.cancel).await else { break };
            let session = Arc::clone(self);
            self.tasks.spawn(async move { session.fetch(read, admission).await });
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
        if self.cancel.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    fn is_useless(&self, places: &[Place]) -> bool {
        places.iter().all(|place| self.outputs.get(place.file).is_none_or(Output::is_settled))
    }

    async fn fetch(self: Arc<Self>, read: Read, admission: Admission) {
        let Ok(transfer) = self.engine.transfer(&self.cancel).await else { return };
        let (key, range) = (file::Kind::Pack.key(&read.pack), read.range());
        let store = Arc::clone(self.vault.store());
        let Some(got) = self.cancel.run_until_cancelled(store.get_range(&key, range)).await else { return };
        drop(transfer);
        match got {
            Ok(bytes) => {
                Progress::add(&self.progress.bytes_stored, bytes.len() as u64);
                let tracked = self.tasks.token();
                let session = Arc::clone(&self);
                self.engine.run(move |scratch| session.open_all(scratch, &read, bytes, admission, tracked));
            }
            // Perhaps only some of the blobs cannot be read, or they lie elsewhere too.
            Err(error) => {
                drop(admission);
                tracing::debug!(error = &error as &dyn std::error::Error, "a range of a pack cannot be read");
                for (entry, places) in &read.blobs {
                    self.read_elsewhere(entry, places).await;
                }
            }
        }
    }

    /// Opens and writes every blob of a range, on a CPU thread.
    fn open_all(
        self: &Arc<Self>,
        scratch: &mut Scratch,
        read: &Read,
        bytes: Bytes,
        admission: Admission,
        tracked: TaskTrackerToken,
    ) {
        let start = read.range().start;
        // Decrypts where the bytes are, unless the store shares them with somebody.
        let mut bytes = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        for (entry, places) in &read.blobs {
            if self.cancel.is_cancelled() {
                return;
            }
            let from = usize::try_from(entry.range().start - start).unwrap_or(usize::MAX);
            let to = usize::try_from(entry.range().end - start).unwrap_or(usize::MAX);
            let opened = match bytes.get_mut(from..to) {
                Some(sealed) => open(self, scratch, entry, sealed, |session, plain| session.write(places, plain)),
                None => Err(Damage::Truncated { actual_bytes: 0, expected_bytes: entry.length.into() }),
            };
            if opened.is_err() {
                let (session, entry, places) = (Arc::clone(self), *entry, places.clone());
                let runtime = session.runtime.clone();
                self.tasks.spawn_on(async move { session.read_elsewhere(&entry, &places).await }, &runtime);
            }
        }
        drop(admission);
        drop(tracked);
    }

    /// Tries every place where the vault has this blob; fails the files that need it if none is whole.
    async fn read_elsewhere(self: &Arc<Self>, entry: &Entry, places: &[Place]) {
        match self.vault.read_blob(entry.kind, &entry.id, &self.cancel).await {
            Ok(plain) => self.write(places, &plain),
            Err(error) if error.is_cancelled() => {}
            Err(error) => {
                let outcome = Outcome::Failed(Failure::Damaged { reason: chain(&error) });
                for output in places.iter().filter_map(|place| self.outputs.get(place.file)) {
                    output.settle(outcome.clone());
                }
            }
        }
    }

    fn write(&self, places: &[Place], plain: &[u8]) {
        for place in places {
            let Some(output) = self.outputs.get(place.file) else { continue };
            match output.write(place.offset, plain) {
                Ok(true) => Progress::add(&self.progress.bytes_done, plain.len() as u64),
                Ok(false) => {}
                Err(error) => {
                    *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    self.cancel.cancel();
                    return;
                }
            }
        }
    }
}

fn open(
    session: &Session,
    scratch: &mut Scratch,
    entry: &Entry,
    sealed: &mut [u8],
    use_it: impl FnOnce(&Session, &[u8]),
) -> Result<(), Damage> {
    let plain = open_blob(&session.vault, scratch, entry, sealed)?;
    use_it(session, plain);
    Ok(())
}

/// Opens and verifies one blob with the tables of a CPU thread.
pub(crate) fn open_blob<'a>(
    vault: &Vault<Indexed>,
    scratch: &'a mut Scratch,
    entry: &Entry,
    sealed: &'a mut [u8],
) -> Result<&'a [u8], Damage> {
    let decompressor = match &mut scratch.decompressor {
        Some(ready) => ready,
        none => none.insert(Decompressor::new()?),
    };
    blob::open(vault.key(), entry, sealed, decompressor, &mut scratch.compressed)
}
