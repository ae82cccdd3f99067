//! Folders that are known to be on disk.
//!
//! A file is durable only if every folder above it is. A folder found existing proves nothing: another writer may have
//! made it a moment ago and not synced it. So each folder is synced into its parents once in the life of a store.

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// Beyond this many remembered folders the memory is cleared; a folder is then merely synced once more.
const REMEMBERED_MAX: usize = 65_536;

/// Folders below a store that need no further sync.
#[derive(Debug, Default)]
pub(super) struct Folders {
    durable: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    /// Opens `folder`, made and durable with all folders above it that had to be made.
    pub(super) fn open(&self, folder: &Path) -> io::Result<OwnedFd> {
        if self.is_durable(folder) {
            match open(folder) {
                Err(error) if is_missing(&error) => self.forget(folder),
                opened => return opened,
            }
        }
        make(folder)?;
        let opened = open(folder)?;
        sync_into_parent(folder);
        let mut durable = self.durable.lock().unwrap_or_else(PoisonError::into_inner);
        if durable.len() >= REMEMBERED_MAX {
            durable.clear();
        }
        durable.insert(folder.to_owned());
        Ok(opened)
    }

    fn is_durable(&self, folder: &Path) -> bool {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).contains(folder)
    }

    fn forget(&self, folder: &Path) {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner).remove(folder);
    }
}

/// Opens a folder to work in.
pub(super) fn open(folder: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Puts a folder's entries on disk. File systems that cannot sync folders keep them in order by themselves.
pub(super) fn sync(folder: &OwnedFd) -> io::Result<()> {
    match rustix::fs::fsync(folder) {
        Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
        other => Ok(other?),
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// Makes `folder` and what is missing above it, each synced into its parent.
fn make(folder: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for level in folder.ancestors() {
        if fs::metadata(level).is_ok() {
            break;
        }
        missing.push(level);
    }
    for level in missing.into_iter().rev() {
        match fs::DirBuilder::new().mode(0o700).create(level) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _made_by_us_or_another => {}
        }
        if let Some(parent) = level.parent() {
            sync(&open(parent)?)?;
        }
    }
    Ok(())
}

/// Syncs the entry of a folder that was found existing, and that of its parent. Folders above the store may be out of
/// reach; they were not made by us, so that is no error.
fn sync_into_parent(folder: &Path) {
    for level in folder.ancestors().skip(1).take(2) {
        if let Ok(parent) = open(level) {
            let _out_of_reach = sync(&parent);
        }
    }
}
