//! Files being written, under temporary names until they are whole.

use super::{
    finish::set_file_metadata,
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
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// Files kept open between blobs, at most, over one restore.
const MAX_OPEN: usize = 256;

/// Errors that concern the whole disk, so that going on with other files is useless.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOSPC | Errno::DQUOT))
}

#[derive(Debug)]
pub(super) struct Output {
    pub(super) entry: Entry,
    temporary: OsString,
    target: Arc<Target>,
    open_files: Arc<AtomicUsize>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Blobs still to be written.
    missing: usize,
    file: Option<Arc<File>>,
    /// A file of the temporary name exists.
    created: bool,
    outcome: Option<Outcome>,
    warning: Option<String>,
}

impl Output {
    pub(super) fn new(
        entry: Entry,
        number: usize,
        session: u64,
        target: &Arc<Target>,
        open: &Arc<AtomicUsize>,
    ) -> Self {
        let missing = entry.node.content.as_ref().map_or(0, Vec::len);
        Self {
            entry,
            temporary: format!(".keepsake-{session:016x}-{number}.part").into(),
            target: Arc::clone(target),
            open_files: Arc::clone(open),
            state: Mutex::new(State { missing, file: None, created: false, outcome: None, warning: None }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything more is to be written.
    pub(super) fn is_settled(&self) -> bool {
        self.state().outcome.is_some()
    }

    /// Gives the file an outcome, unless it has one.
    pub(super) fn settle(&self, outcome: Outcome) {
        let mut state = self.state();
        if state.outcome.is_none() {
            state.outcome = Some(outcome);
        }
    }

    pub(super) fn warn(&self, warning: String) {
        self.state().warning = Some(warning);
    }

    /// The outcome in the end; a file that has none was not finished.
    pub(super) fn outcome(&self) -> (Option<Outcome>, Option<String>) {
        let state = self.state();
        (state.outcome.clone(), state.warning.clone())
    }

    /// Writes one blob at its place, and finishes the file if it was the last.
    ///
    /// # Errors
    /// Only what concerns the whole disk; other trouble fails this file.
    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.is_settled() {
            return Ok(());
        }
        match self.file().and_then(|file| file.write_all_at(bytes, offset)) {
            Ok(()) => {
                let mut state = self.state();
                state.missing = state.missing.saturating_sub(1);
                let complete = state.missing == 0;
                drop(state);
                if complete { self.finish() } else { Ok(()) }
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Makes an empty file.
    pub(super) fn write_empty(&self) -> io::Result<()> {
        match self.file() {
            Ok(_) => self.finish(),
            Err(error) => self.refuse(error),
        }
    }

    fn refuse(&self, error: io::Error) -> io::Result<()> {
        self.settle(Outcome::Failed(Failure::refused(&error)));
        if is_full(&error) { Err(error) } else { Ok(()) }
    }

    /// The file of the temporary name, kept open if not too many are.
    fn file(&self) -> io::Result<Arc<File>> {
        let mut state = self.state();
        if let Some(file) = &state.file {
            return Ok(Arc::clone(file));
        }
        let folder = self.target.folder(&self.entry.folder)?;
        let create = if state.created { OFlags::empty() } else { OFlags::CREATE | OFlags::EXCL };
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | create;
        let file = Arc::new(File::from(openat(folder.as_fd(), &self.temporary, flags, Mode::RUSR | Mode::WUSR)?));
        state.created = true;
        if self.open_files.fetch_add(1, Relaxed) < MAX_OPEN {
            state.file = Some(Arc::clone(&file));
        } else {
            self.open_files.fetch_sub(1, Relaxed);
        }
        Ok(file)
    }

    fn finish(&self) -> io::Result<()> {
        let file = match self.file() {
            Ok(file) => file,
            Err(error) => return self.refuse(error),
        };
        let warning = set_file_metadata(&file, &self.entry.node);
        let result = self
            .target
            .folder(&self.entry.folder)
            .and_then(|folder| Ok(renameat(folder.as_fd(), &self.temporary, folder.as_fd(), self.entry.name())?));
        if let Err(error) = result {
            return self.refuse(error);
        }
        let mut state = self.state();
        state.created = false;
        state.warning = warning;
        state.outcome = Some(Outcome::Restored);
        self.close(&mut state);
        Ok(())
    }

    fn close(&self, state: &mut State) {
        if state.file.take().is_some() {
            self.open_files.fetch_sub(1, Relaxed);
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.entry.path()
    }
}

impl Output {
    /// Removes what is half-written. Called when nothing writes any more.
    pub(super) fn discard(&self) {
        let mut state = self.state();
        self.close(&mut state);
        let created = std::mem::take(&mut state.created);
        drop(state);
        if created && let Ok(folder) = self.target.folder(&self.entry.folder) {
            let _left_for_the_user_to_see = unlinkat(folder.as_fd(), &self.temporary, AtFlags::empty());
        }
    }
}

impl Drop for Output {
    /// Also when the restore itself is dropped.
    fn drop(&mut self) {
        self.discard();
    }
}
