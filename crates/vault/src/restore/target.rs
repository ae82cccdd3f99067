//! The folder restored to. Every path below it is opened name by name, relative to the folder before and never through
//! a symbolic link, so that no snapshot, however hostile, and nobody who swaps a folder for a link meanwhile, can make
//! the restore write outside.

use rustix::{
    fs::{AtFlags, Mode, OFlags, mkdirat, openat, statat, unlinkat},
    io::Errno,
};
use std::{
    collections::HashMap,
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Folders kept open at once.
const MAX_OPEN: usize = 128;

#[derive(Debug)]
pub(super) struct Target {
    root: Arc<OwnedFd>,
    path: PathBuf,
    open: Mutex<HashMap<PathBuf, Arc<OwnedFd>>>,
}

/// Whether a name of a snapshot is one name, and not a way to somewhere else.
pub(super) fn is_safe_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && name.len() <= 255 && !name.iter().any(|byte| matches!(byte, 0 | b'/'))
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl Target {
    /// Opens the folder, which is made if it is not there. It is the caller's choice, so it may be a link itself.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = Arc::new(rustix::fs::open(path, flags, Mode::empty())?);
        Ok(Self { root, path: path.to_owned(), open: Mutex::default() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder at `relative`, which was made before.
    pub(super) fn folder(&self, relative: &Path) -> io::Result<Arc<OwnedFd>> {
        if relative.as_os_str().is_empty() {
            return Ok(Arc::clone(&self.root));
        }
        if let Some(open) = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(relative) {
            return Ok(Arc::clone(open));
        }
        let mut folder = Arc::clone(&self.root);
        for name in relative {
            if !is_safe_name(name.as_bytes()) {
                return Err(io::Error::other("a name leads outside the folder"));
            }
            folder = Arc::new(openat(folder.as_fd(), name, folder_flags(), Mode::empty())?);
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(relative.to_owned(), Arc::clone(&folder));
        Ok(folder)
    }

    /// Makes a folder, for the owner only until its mode is set at the end. One that is there is taken as it is; the answer
    /// is whether it is new.
    pub(super) fn make_folder(&self, parent: &Path, name: &OsStr) -> io::Result<bool> {
        let parent = self.folder(parent)?;
        match mkdirat(parent.as_fd(), name, Mode::RWXU) {
            Ok(()) => Ok(true),
            // Must be a folder, and no link to one.
            Err(Errno::EXIST) => Ok(openat(parent.as_fd(), name, folder_flags(), Mode::empty()).map(|_| false)?),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what has this name, unless it is a folder.
    pub(super) fn clear(&self, parent: &Path, name: &OsStr) -> io::Result<()> {
        let parent = self.folder(parent)?;
        match statat(parent.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(unlinkat(parent.as_fd(), name, AtFlags::empty())?),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_not_safe() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/etc", b"a\0b", &[b'x'; 256]] {
            assert!(!is_safe_name(bad));
        }
        for good in [&b"..."[..], b"a b\n\"'", &[0xff, 0xfe], &[b'x'; 255]] {
            assert!(is_safe_name(good));
        }
    }

    #[test]
    fn a_link_in_the_way_is_never_followed() {
        let (outside, inside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(outside.path(), inside.path().join("photos")).unwrap();
        let target = Target::open(inside.path()).unwrap();
        assert!(target.make_folder(Path::new(""), OsStr::new("photos")).is_err());
        assert!(target.folder(Path::new("photos")).is_err());
        assert!(target.folder(Path::new("..")).is_err());
        assert!(target.make_folder(Path::new(""), OsStr::new("rows")).unwrap());
        assert!(!target.make_folder(Path::new(""), OsStr::new("rows")).unwrap());
        assert!(target.folder(Path::new("rows")).is_ok());
    }
}
