//! A file pushed into a backup by whoever produces it: a table's rows, a stream, an object of a bucket.

use super::{
    Error, Result,
    content::Content,
    metadata::FileMeta,
    session::{Job, Session},
    snapshot_tree::SnapshotTree,
};
use crate::{
    chunk::Cutter,
    engine::{Buffer, Hold},
    id::Id,
    pack,
};
use bytes::Bytes;
use std::sync::{Arc, atomic::Ordering::SeqCst};

/// Content is looked at in pieces of this length at most, so that a chunk never outgrows its buffer unnoticed.
const PIECE_BYTES: usize = 256 << 10;
/// Chunks up to this length are gathered outside the budget: it is what one open file may always have.
const ALWAYS_BYTES: usize = 2 << 20;
/// The first buffer of a file: most tables of a wedding are small.
const FIRST_BYTES: usize = 64 << 10;

/// A file being written into a snapshot. Several may be open at once, also of one backup.
///
/// Dropping it unfinished tells the backup that its source failed: the backup then refuses to commit (S13).
#[derive(Debug)]
pub struct FileWriter {
    session: Arc<Session>,
    tree: Arc<SnapshotTree>,
    path: Vec<Vec<u8>>,
    meta: FileMeta,
    cutter: Cutter,
    buffer: Option<Buffer>,
    hold: Option<Hold>,
    content: Arc<Content>,
    length_bytes: u64,
    finished: bool,
}

/// What became of a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Its length.
    pub length_bytes: u64,
    /// The chunks, in order.
    pub content: Vec<Id>,
}

impl FileWriter {
    pub(super) fn new(session: Arc<Session>, tree: Arc<SnapshotTree>, path: Vec<Vec<u8>>, meta: FileMeta) -> Self {
        let cutter = session.cutter.clone();
        session.open_files.fetch_add(1, SeqCst);
        Self {
            session,
            tree,
            path,
            meta,
            cutter,
            buffer: None,
            hold: None,
            content: Arc::default(),
            length_bytes: 0,
            finished: false,
        }
    }

    /// Adds bytes to the file. Waits while the engine is busy: that is what slows down a source that is too fast.
    ///
    /// # Errors
    /// [`Error`] if the backup failed or was cancelled.
    pub async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        self.session.check()?;
        self.length_bytes += bytes.len() as u64;
        self.session.counters.read(bytes.len() as u64);
        while !bytes.is_empty() {
            let mut piece = bytes.split_to(bytes.len().min(PIECE_BYTES));
            self.make_room(piece.len()).await?;
            while let Some(cut) = self.cutter.feed(&piece) {
                self.append(&piece.split_to(cut));
                self.dispatch().await?;
                self.make_room(piece.len()).await?;
            }
            self.append(&piece);
        }
        Ok(())
    }

    /// Ends the file: waits until all of it is sealed, and puts it into the snapshot's tree.
    ///
    /// # Errors
    /// [`Error`] if the backup failed or was cancelled, or a file of that name exists in it already.
    pub async fn finish(mut self) -> Result<FileInfo> {
        self.dispatch().await?;
        let content = self.content.wait(&self.session).await.or_else(|echo| self.session.check().and(Err(echo)))?;
        let node = self.meta.file_node(self.path.last().map_or(&[][..], Vec::as_slice), self.length_bytes, &content);
        self.tree.insert(&self.path, node)?;
        self.session.counters.file(false);
        self.finished = true;
        Ok(FileInfo { length_bytes: self.length_bytes, content })
    }

    fn append(&mut self, bytes: &[u8]) {
        if let Some(buffer) = &mut self.buffer {
            buffer.vec().extend_from_slice(bytes);
        }
    }

    /// Makes sure that `more` bytes fit behind what was gathered. Where a long chunk would need more memory than there
    /// is, it ends here: a cut at another place costs a little deduplication, waiting could cost the backup.
    async fn make_room(&mut self, more: usize) -> Result<()> {
        let gathered = self.buffer.as_ref().map_or(0, |buffer| buffer.len());
        if self.buffer.as_ref().is_some_and(|buffer| buffer.room() >= more) {
            return Ok(());
        }
        let needed = gathered + more;
        if needed > ALWAYS_BYTES && self.hold.is_none() {
            self.hold = self.session.engine.try_hold(self.cutter.max() as u64);
            if self.hold.is_none() {
                self.dispatch().await?;
                self.cutter.restart();
                self.buffer = Some(self.session.engine.input_buffer(ALWAYS_BYTES));
                return Ok(());
            }
        }
        let size = match (self.content.is_empty(), gathered) {
            (true, 0) => more.max(FIRST_BYTES),
            (true, _) => needed.max(gathered * 4),
            (false, _) => needed.max(ALWAYS_BYTES),
        };
        let mut larger = self.session.engine.input_buffer(size);
        if let Some(smaller) = self.buffer.take() {
            larger.vec().extend_from_slice(&smaller);
        }
        self.buffer = Some(larger);
        Ok(())
    }

    /// Hands the gathered chunk to the CPU threads.
    async fn dispatch(&mut self) -> Result<()> {
        let Some(buffer) = self.buffer.take().filter(|buffer| !buffer.is_empty()) else { return Ok(()) };
        let hold = self.hold.take();
        let job = self.session.admit(2 * buffer.len() as u64).await;
        let job = job.or_else(|echo| self.session.check().and(Err(echo)))?;
        send(job, buffer.freeze(), Arc::clone(&self.content), hold);
        Ok(())
    }
}

/// Queues one chunk of a file for the CPU threads.
pub(super) fn send(job: Job, data: Bytes, content: Arc<Content>, hold: Option<Hold>) {
    let engine = job.session().engine.clone();
    let place = content.reserve();
    engine.run(move |scratch| {
        let result = job.session().go_on().and_then(|()| {
            let id = Id::of(&data);
            job.session().store(scratch, pack::Kind::Data, id, &data)?;
            content.set(place, id);
            Ok(())
        });
        drop(data);
        drop(hold);
        job.end(result);
    });
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        self.session.open_files.fetch_sub(1, SeqCst);
        if !self.finished {
            let path: Vec<_> = self.path.iter().map(|name| String::from_utf8_lossy(name)).collect();
            self.session.fail(Error::Unfinished { path: path.join("/") });
        }
    }
}
