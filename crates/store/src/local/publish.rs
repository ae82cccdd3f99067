//! Creating and removing files so that a crash at any moment leaves the whole object or none.

use super::{
    UNFINISHED,
    folder::{self, Folders},
};
use crate::Payload;
use rustix::{
    fd::{AsFd, AsRawFd, OwnedFd},
    fs::{AtFlags, CWD, Mode, OFlags, RenameFlags},
    io::Errno,
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, IoSlice, Write},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

/// Pieces handed to the kernel in one call (Linux takes at most 1024).
const PIECES_MAX: usize = 256;

/// How files get their names on this file system.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    /// Nameless files were refused here: write under a temporary name.
    named: AtomicBool,
    next: AtomicU64,
}

impl Publisher {
    /// For file systems without nameless files.
    #[cfg(test)]
    pub(super) fn named() -> Self {
        Self { named: AtomicBool::new(true), next: AtomicU64::new(0) }
    }

    /// Creates `path` with `payload`, on disk when it returns.
    pub(super) fn create(&self, folders: &Folders, path: &Path, payload: &Payload) -> io::Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let folder = match folders.open(parent) {
            // "Not there" would read as a missing object, while an object is in the place of a folder.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(io::Error::other(format!("{} is not a folder", parent.display())));
            }
            opened => opened?,
        };
        // Saves writing megabytes for nothing; the link or rename decides.
        if rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
            return Err(Errno::EXIST.into());
        }
        if !self.named.load(Ordering::Relaxed) {
            match create_nameless(&folder, name, payload) {
                Err(error) if nameless_unsupported(&error) => self.named.store(true, Ordering::Relaxed),
                done => return done,
            }
        }
        let serial = self.next.fetch_add(1, Ordering::Relaxed);
        create_named(&folder, name, payload, &format!("{UNFINISHED}{}-{serial}", std::process::id()))
    }
}

/// Removes a file; a missing one is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match rustix::fs::unlink(path) {
        Ok(()) => {}
        // A folder of that name is no object.
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ISDIR) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    match path.parent() {
        Some(parent) => folder::sync(&folder::open(parent)?),
        None => Ok(()),
    }
}

fn create_nameless(folder: &OwnedFd, name: &OsStr, payload: &Payload) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(folder, c".", flags, Mode::RUSR | Mode::WUSR)?);
    write(&file, payload)?;
    let through_proc = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    rustix::fs::linkat(CWD, through_proc, folder, name, AtFlags::SYMLINK_FOLLOW)?;
    settle(folder, name)
}

fn create_named(folder: &OwnedFd, name: &OsStr, payload: &Payload, unfinished: &str) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let opened = match rustix::fs::openat(folder, unfinished, flags, Mode::RUSR | Mode::WUSR) {
        // Left by a process of the same number that was killed here.
        Err(Errno::EXIST) => {
            rustix::fs::unlinkat(folder, unfinished, AtFlags::empty())?;
            rustix::fs::openat(folder, unfinished, flags, Mode::RUSR | Mode::WUSR)?
        }
        opened => opened?,
    };
    let published = write(&File::from(opened), payload).and_then(|()| {
        match rustix::fs::renameat_with(folder, unfinished, folder, name, RenameFlags::NOREPLACE) {
            // Old kernels and some network file systems: a hard link refuses a taken name as well.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                rustix::fs::linkat(folder, unfinished, folder, name, AtFlags::empty())?;
                Ok(rustix::fs::unlinkat(folder, unfinished, AtFlags::empty())?)
            }
            done => Ok(done?),
        }
    });
    if let Err(error) = published {
        let _gone_or_kept_unlisted = rustix::fs::unlinkat(folder, unfinished, AtFlags::empty());
        return Err(error);
    }
    settle(folder, name)
}

/// Puts the new name on disk; if that fails the name is taken back, so that "exists" always means "is durable".
fn settle(folder: &OwnedFd, name: &OsStr) -> io::Result<()> {
    folder::sync(folder).inspect_err(|_| {
        let _best_effort = rustix::fs::unlinkat(folder, name, AtFlags::empty());
    })
}

fn write(mut file: &File, payload: &Payload) -> io::Result<()> {
    for group in payload.pieces().chunks(PIECES_MAX) {
        let mut slices: Vec<IoSlice<'_>> =
            group.iter().filter(|piece| !piece.is_empty()).map(|piece| IoSlice::new(piece)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    file.sync_all()
}

/// Whether a file system said that it has no nameless files, or `/proc` is not mounted to name them through.
fn nameless_unsupported(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOTSUP | Errno::ISDIR | Errno::INVAL | Errno::NOENT | Errno::NOSYS | Errno::XDEV)
    )
}
