//! What a killed restore leaves: half-written files under temporary names. The next restore that comes into the same
//! folder removes them.
//!
//! A restore that lives holds an advisory lock on each of its temporary files, which the system drops with the process
//! however that ends. So a file of exactly our pattern whose lock can be had is nobody's any more. Where a file system
//! knows no such locks, or the file cannot be opened, it stays: a name that says what it is does less harm than a file
//! that is missing.

use rustix::{
    fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, openat, statat, unlinkat},
    io::{Errno, retry_on_intr},
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{fd::BorrowedFd, unix::ffi::OsStrExt},
};

/// The temporary name of a restore's n-th file.
pub(super) fn name(session: u64, number: usize) -> OsString {
    format!(".keepsake-{session:016x}-{number}.part").into()
}

/// Whether [`name`] could have made this name.
pub(super) fn is_part(name: &OsStr) -> bool {
    let inner = name.as_bytes().strip_prefix(b".keepsake-").and_then(|rest| rest.strip_suffix(b".part"));
    let Some((session, rest)) = inner.and_then(|inner| inner.split_at_checked(16)) else { return false };
    let number = rest.strip_prefix(b"-").unwrap_or_default();
    session.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

/// Marks a temporary file as being written, as long as it is open. `false` if it was removed before it was marked.
pub(super) fn hold(file: &File) -> io::Result<bool> {
    match retry_on_intr(|| flock(file, FlockOperation::LockExclusive)) {
        // Without locks nobody takes the file for a leftover either.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS | Errno::INVAL) => Ok(fstat(file)?.st_nlink > 0),
        Err(error) => Err(error.into()),
    }
}

/// Removes the leftovers in a folder, but none that `keep` says is wanted. Says how many.
pub(super) fn sweep(folder: BorrowedFd<'_>, keep: impl Fn(&OsStr) -> bool) -> u64 {
    let Ok(entries) = Dir::read_from(folder) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if is_part(name) && !keep(name) {
            match remove_unused(folder, name) {
                Ok(gone) => removed += u64::from(gone),
                Err(error) => tracing::debug!(%error, "a half-written file of an earlier restore stays"),
            }
        }
    }
    removed
}

fn remove_unused(folder: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<bool> {
    if FileType::from_raw_mode(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) != FileType::RegularFile {
        return Ok(false);
    }
    let open =
        |access| openat(folder, name, access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
    // Its mode may be the final one already, which perhaps nobody may write.
    let file = open(OFlags::RDWR).or_else(|_| open(OFlags::RDONLY))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(false);
    }
    unlinkat(folder, name, AtFlags::empty())?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::fd::AsFd};

    #[test]
    fn only_names_of_our_pattern_are_ours() {
        for number in [0, 7, usize::MAX] {
            assert!(is_part(&name(number as u64, number)));
        }
        for other in [
            ".keepsake-.part",
            ".keepsake-0123456789abcdef-.part",
            ".keepsake-0123456789abcdef.part",
            ".keepsake-0123456789abcdef-1x.part",
            ".keepsake-0123456789ABCDEF-1.part",
            ".keepsake-0123456789abcde-1.part",
            ".keepsake-0123456789abcdef-1.part.jpg",
            "keepsake-0123456789abcdef-1.part",
            "guests.part",
        ] {
            assert!(!is_part(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn what_is_held_or_wanted_or_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |number| folder.path().join(name(1, number));
        let held = File::create(at(0)).unwrap();
        assert!(hold(&held).unwrap());
        fs::write(at(1), "left").unwrap();
        fs::write(at(2), "wanted").unwrap();
        fs::create_dir(at(3)).unwrap();
        std::os::unix::fs::symlink("nowhere", at(4)).unwrap();
        fs::write(folder.path().join("photo.part"), "mine").unwrap();
        let open = File::open(folder.path()).unwrap();
        assert_eq!(sweep(open.as_fd(), |found| found == name(1, 2)), 1);
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [name(1, 0), name(1, 2), name(1, 3), name(1, 4), "photo.part".into()]);
        drop(held);
        assert_eq!(sweep(open.as_fd(), |_| false), 2);
    }

    #[test]
    fn a_file_that_was_removed_before_it_was_held_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name(1, 0));
        let file = File::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!hold(&file).unwrap());
    }
}
