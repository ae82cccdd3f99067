//! What could not be read.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// A path of the local machine that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub reason: String,
}

/// Recorded at most: an unreadable disk must not fill the memory.
const MAX_RECORDED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Unreadables(Mutex<Vec<Unreadable>>);

impl Unreadables {
    /// Records a path, unless it is only gone: then its owner deleted it, and there is nothing to back up.
    pub(super) fn add(&self, path: &Path, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MAX_RECORDED {
            all.push(Unreadable { path: path.to_owned(), reason: error.to_string() });
        }
    }

    pub(super) fn take(&self) -> Vec<Unreadable> {
        let mut all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.sort_by(|one, other| one.path.cmp(&other.path));
        all
    }
}
