//! Reading a folder of the local machine into a snapshot.
//!
//! One thread lists; files are read by the CPU threads, small ones several at a time. What cannot be read is recorded
//! and makes the snapshot incomplete (safety rule S13); what vanished between listing and reading was deleted by its
//! owner and is no error.

use super::{
    Error, Result,
    folder::{Folder, Parent, deliver, deliver_here},
    known::Known,
    metadata,
    read::{self, Outcome},
    session::Session,
    stream::read_and_share,
    unreadable::Unreadables,
};
use crate::{
    engine::{Phase, Progress, Scratch},
    tree::Node,
};
use std::{
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::oneshot;

/// Files up to this length are read several at a time.
const SMALL_BYTES: u64 = 256 << 10;
/// A batch is complete at so many files or bytes.
const BATCH_FILES: usize = 64;
const BATCH_BYTES: u64 = 2 << 20;
/// Files from this length on are shared by all CPU threads.
const SHARED_FROM_BYTES: u64 = 32 << 20;
/// Folders in folders, at most: the limit of what a path may hold is reached earlier.
const MAX_DEPTH: usize = 1024;

/// A file to be read.
#[derive(Debug)]
struct Task {
    path: PathBuf,
    node: Node,
    length_bytes: u64,
    parent: Parent,
}

/// A folder to be listed.
#[derive(Debug)]
struct Pending {
    path: PathBuf,
    node: Node,
    parent: Parent,
    known: Known,
    depth: usize,
}

struct Walker<'a> {
    session: &'a Arc<Session>,
    unreadables: &'a Arc<Unreadables>,
    batch: Vec<Task>,
    batch_bytes: u64,
    folders: Vec<Pending>,
}

/// Reads `path` with everything below it. Blocks. The answer comes when all of it is read.
pub(super) fn walk(
    session: &Arc<Session>,
    unreadables: &Arc<Unreadables>,
    path: &Path,
    known: Known,
    answer: oneshot::Sender<Option<Node>>,
) -> Result<()> {
    session.progress.enter(Phase::Transferring);
    let metadata = fs::symlink_metadata(path).map_err(|source| Error::Source { path: path.to_owned(), source })?;
    let mut walker = Walker { session, unreadables, batch: Vec::new(), batch_bytes: 0, folders: Vec::new() };
    let name = path.file_name().map(|name| name.as_bytes().to_vec()).unwrap_or_default();
    walker.entry(path.to_owned(), name, &metadata, Parent::asked(answer), known, 0)?;
    while let Some(folder) = walker.folders.pop() {
        session.go_on()?;
        walker.list(folder)?;
    }
    walker.send_batch()
}

impl Walker<'_> {
    /// Lists one folder and sends off what it holds.
    fn list(&mut self, folder: Pending) -> Result<()> {
        let Pending { path, node, parent, known, depth } = folder;
        let mut names = match list_names(&path) {
            Ok(names) => names,
            Err(error) => {
                self.unreadables.add(&path, &error);
                deliver(self.session, parent, None);
                return Ok(());
            }
        };
        names.sort_unstable();
        let known = known.load(self.session)?;
        let folder = Folder::new(node, parent, names.len());
        for (place, name) in names.into_iter().enumerate() {
            let path = path.join(std::ffi::OsStr::from_bytes(&name));
            let parent = Parent::Folder(Arc::clone(&folder), place);
            match fs::symlink_metadata(&path) {
                Ok(metadata) => {
                    let known = known.entry(&name);
                    self.entry(path, name, &metadata, parent, known, depth + 1)?;
                }
                Err(error) => {
                    self.unreadables.add(&path, &error);
                    deliver(self.session, parent, None);
                }
            }
        }
        folder.listed(self.session);
        Ok(())
    }

    fn entry(
        &mut self,
        path: PathBuf,
        name: Vec<u8>,
        metadata: &fs::Metadata,
        parent: Parent,
        known: Known,
        depth: usize,
    ) -> Result<()> {
        let node = match metadata::node(name, &path, metadata, self.session) {
            Ok(node) => node,
            Err(error) => {
                self.unreadables.add(&path, &error);
                deliver(self.session, parent, None);
                return Ok(());
            }
        };
        if metadata.is_dir() {
            if depth >= MAX_DEPTH {
                self.unreadables.add(&path, &io::Error::other("folders nest too deep"));
                deliver(self.session, parent, None);
                return Ok(());
            }
            self.folders.push(Pending { path, node, parent, known, depth });
            return Ok(());
        }
        Progress::add(&self.session.progress.files_total, 1);
        if !metadata.is_file() {
            self.session.counters.file(false);
            deliver(self.session, parent, Some(node));
            return Ok(());
        }
        Progress::add(&self.session.progress.bytes_total, metadata.len());
        if let Some(content) = known.unchanged_content(&node, metadata.len(), self.session) {
            self.session.counters.read(metadata.len());
            self.session.counters.file(true);
            deliver(self.session, parent, Some(metadata::with_content(node, metadata.len(), content)));
            return Ok(());
        }
        self.file(Task { path, node, length_bytes: metadata.len(), parent })
    }

    fn file(&mut self, task: Task) -> Result<()> {
        if task.length_bytes >= SHARED_FROM_BYTES {
            let outcome = match read::open(&task.path) {
                Ok(file) => read_and_share(self.session, &file)?,
                Err(error) => Outcome::Unreadable(error),
            };
            let node = settle(self.session, self.unreadables, &task.path, task.node, outcome);
            deliver(self.session, task.parent, node);
            return Ok(());
        }
        self.batch_bytes += task.length_bytes;
        let is_small = task.length_bytes <= SMALL_BYTES;
        self.batch.push(task);
        if is_small && self.batch.len() < BATCH_FILES && self.batch_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.send_batch()
    }

    /// Hands the gathered files to the CPU threads.
    fn send_batch(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let (tasks, bytes) = (std::mem::take(&mut self.batch), std::mem::take(&mut self.batch_bytes));
        let job = self.session.runtime.block_on(self.session.admit(bytes.max(1)))?;
        let unreadables = Arc::clone(self.unreadables);
        self.session.engine.run(move |scratch| {
            let session = Arc::clone(job.session());
            let result = tasks.into_iter().try_for_each(|task| read_task(&session, &unreadables, scratch, task));
            job.end(result);
        });
        Ok(())
    }
}

fn read_task(session: &Arc<Session>, unreadables: &Unreadables, scratch: &mut Scratch, task: Task) -> Result<()> {
    session.go_on()?;
    let outcome = match read::open(&task.path) {
        Ok(file) => read::read_and_store(session, scratch, &file)?,
        Err(error) => Outcome::Unreadable(error),
    };
    let node = settle(session, unreadables, &task.path, task.node, outcome);
    deliver_here(session, scratch, task.parent, node)
}

fn settle(session: &Session, unreadables: &Unreadables, path: &Path, node: Node, outcome: Outcome) -> Option<Node> {
    match outcome {
        Outcome::Read { length_bytes, content } => {
            session.counters.read(length_bytes);
            session.counters.file(false);
            Some(metadata::with_content(node, length_bytes, content))
        }
        Outcome::Unreadable(error) => {
            unreadables.add(path, &error);
            None
        }
    }
}

fn list_names(path: &Path) -> io::Result<Vec<Vec<u8>>> {
    fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().as_bytes().to_vec())).collect()
}
