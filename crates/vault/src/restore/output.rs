//! Files being written, under temporary names until they are whole.
//!
//! A file stays open from its first byte to its last, because that is what holds the lock that tells other restores that
//! it is being written. So only so many are begun at a time; those beyond are put off, and come in another pass.

use super::{
    finish::set_file_metadata,
    leftovers,
    plan::Entry,
    report::{Failure, Outcome},
    target::Target,
};
use rustix::{
    fs::{AtFlags, Mode, OFlags, openat, renameat, unlinkat},
    io::Errno,
};
use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::AsFd, unix::fs::FileExt},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Files that wait for more of their blobs, at most, over one restore.
pub(super) const MAX_OPEN: usize = 256;
/// How often a file is made again when somebody removes it in the moment before it is locked.
const TRIES: usize = 8;

/// Errors that concern the whole disk, so that going on with other files is useless.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}

#[derive(Debug)]
pub(super) struct Output {
    pub(super) entry: Entry,
    temporary: OsString,
    target: Arc<Target>,
    /// One permit for each file that may be open between blobs.
    open_files: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Blobs still to be written.
    missing: usize,
    /// The file of the temporary name, locked, while there is one.
    part: Option<Part>,
    /// Too many others were open: it gets nothing before the next pass.
    put_off: bool,
    outcome: Option<Outcome>,
    warning: Option<String>,
}

#[derive(Debug)]
struct Part {
    file: Arc<File>,
    _open: Option<OwnedSemaphorePermit>,
}

impl Output {
    pub(super) fn new(entry: Entry, number: usize, session: u64, target: &Arc<Target>, open: &Arc<Semaphore>) -> Self {
        let missing = entry.node.content.as_ref().map_or(0, Vec::len);
        Self {
            entry,
            temporary: leftovers::name(session, number),
            target: Arc::clone(target),
            open_files: Arc::clone(open),
            state: Mutex::new(State { missing, part: None, put_off: false, outcome: None, warning: None }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing more is to be written, in this pass.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.state();
        state.outcome.is_some() || state.put_off
    }

    /// Gives the file an outcome, unless it has one.
    pub(super) fn settle(&self, outcome: Outcome) {
        let mut state = self.state();
        if state.outcome.is_none() {
            state.outcome = Some(outcome);
            drop(state);
            self.discard();
        }
    }

    /// The end of a pass: a file that got only some of its blobs will not get the rest.
    pub(super) fn give_up(&self) {
        if !self.is_settled() {
            self.settle(Outcome::Failed(Failure::refused("it was not finished")));
        }
    }

    /// Begins another pass with a file that was put off; `false` if it was not.
    pub(super) fn take_up(&self) -> bool {
        let mut state = self.state();
        std::mem::take(&mut state.put_off) && state.outcome.is_none()
    }

    pub(super) fn warn(&self, warning: String) {
        self.state().warning = Some(warning);
    }

    /// The outcome in the end; a file that has none was not finished.
    pub(super) fn outcome(&self) -> (Option<Outcome>, Option<String>) {
        let state = self.state();
        (state.outcome.clone(), state.warning.clone())
    }

    /// Writes one blob at its place, and finishes the file if it was the last. Says whether the file took it.
    ///
    /// # Errors
    /// Only what concerns the whole disk; other trouble fails this file.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<bool> {
        if self.is_settled() {
            return Ok(false);
        }
        let file = match self.file() {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(false),
            Err(error) => return self.refuse(error).map(|()| false),
        };
        if let Err(error) = file.write_all_at(bytes, offset) {
            return self.refuse(error).map(|()| false);
        }
        let mut state = self.state();
        state.missing = state.missing.saturating_sub(1);
        let complete = state.missing == 0;
        drop(state);
        if complete {
            self.finish(&file)?;
        }
        Ok(true)
    }

    /// Makes an empty file.
    pub(super) fn write_empty(&self) -> io::Result<()> {
        match self.file() {
            Ok(Some(file)) => self.finish(&file),
            Ok(None) => Ok(()),
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&self, error: io::Error) -> io::Result<()> {
        self.settle(Outcome::Failed(Failure::refused(&error)));
        if is_full(&error) { Err(error) } else { Ok(()) }
    }

    /// The file of the temporary name; `None` if it has to wait, because too many are open.
    fn file(&self) -> io::Result<Option<Arc<File>>> {
        let mut state = self.state();
        if let Some(part) = &state.part {
            return Ok(Some(Arc::clone(&part.file)));
        }
        // A file that ends with this blob is closed at once.
        let open = if state.missing > 1 {
            let Ok(permit) = Arc::clone(&self.open_files).try_acquire_owned() else {
                state.put_off = true;
                return Ok(None);
            };
            Some(permit)
        } else {
            None
        };
        let file = Arc::new(self.create()?);
        state.part = Some(Part { file: Arc::clone(&file), _open: open });
        Ok(Some(file))
    }

    fn create(&self) -> io::Result<File> {
        let folder = self.target.folder(&self.entry.folder)?;
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::CREATE | OFlags::EXCL;
        for _ in 0..TRIES {
            let file = File::from(openat(folder.as_fd(), &self.temporary, flags, Mode::RUSR | Mode::WUSR)?);
            if leftovers::hold(&file)? {
                return Ok(file);
            }
        }
        Err(io::Error::other("somebody removes it again and again while it is written"))
    }

    fn finish(&self, file: &File) -> io::Result<()> {
        let warning = set_file_metadata(file, &self.entry.node);
        let result = self
            .target
            .folder(&self.entry.folder)
            .and_then(|folder| Ok(renameat(folder.as_fd(), &self.temporary, folder.as_fd(), self.entry.name())?));
        if let Err(error) = result {
            return self.refuse(error);
        }
        let mut state = self.state();
        state.part = None;
        state.warning = warning;
        state.outcome = Some(Outcome::Restored);
        Ok(())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.entry.path()
    }
}

impl Output {
    /// Removes what is half-written. What somebody is still writing goes nowhere.
    fn discard(&self) {
        let part = self.state().part.take();
        // Before the lock is gone with `part`, so that nobody else comes to remove it.
        if part.is_some()
            && let Ok(folder) = self.target.folder(&self.entry.folder)
        {
            let _left_for_the_next_restore = unlinkat(folder.as_fd(), &self.temporary, AtFlags::empty());
        }
    }
}

impl Drop for Output {
    /// Also when the restore itself is dropped.
    fn drop(&mut self) {
        self.discard();
    }
}
