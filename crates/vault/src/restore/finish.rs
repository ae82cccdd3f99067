//! Times, modes, owners and extended attributes, and everything that is no regular file.

use super::{
    plan::{Entry, Plan},
    report::{Failure, FileResult, Outcome, Report},
    target::Target,
};
use crate::tree::{Kind, Node, mode};
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid, chownat, fchmod, fchown, futimens, linkat, mknodat,
        symlinkat, utimensat,
    },
    process::geteuid,
};
use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};
use xattr::FileExt;

fn timespec(time: crate::time::Time) -> Timespec {
    let moment = time.moment();
    let (seconds, nanoseconds) = (moment.as_second(), i64::from(moment.subsec_nanosecond()));
    // A moment before 1970 has a negative fraction; the system wants a positive one.
    if nanoseconds < 0 {
        Timespec { tv_sec: seconds - 1, tv_nsec: nanoseconds + 1_000_000_000 }
    } else {
        Timespec { tv_sec: seconds, tv_nsec: nanoseconds }
    }
}

fn times(node: &Node) -> Timestamps {
    Timestamps { last_access: timespec(node.atime), last_modification: timespec(node.mtime) }
}

/// Sets what a file or folder has besides content. The answer is the first thing that could not be set.
pub(super) fn set_file_metadata(file: &File, node: &Node) -> Option<String> {
    let mut warning = None;
    let mut note = |what: &str, result: io::Result<()>| {
        if let Err(error) = result
            && warning.is_none()
        {
            warning = Some(format!("its {what} cannot be set: {error}"));
        }
    };
    for attribute in &node.extended_attributes {
        note("extended attributes", file.set_xattr(&attribute.name, &attribute.value));
    }
    // Owner before mode: a change of owner clears set-id bits.
    if geteuid().is_root() {
        let owner = fchown(file, Some(Uid::from_raw(node.uid)), Some(Gid::from_raw(node.gid)));
        note("owner", owner.map_err(Into::into));
    }
    let permissions = Mode::from_raw_mode(mode::to_unix_permissions(node.mode));
    note("mode", fchmod(file, permissions).map_err(Into::into));
    note("times", futimens(file, &times(node)).map_err(Into::into));
    warning
}

/// Makes hard links, symbolic links and special files, and at last sets what folders have, deepest first: files made in
/// a folder change its times, and its mode may forbid making them.
pub(super) fn finish(target: &Target, plan: &Plan, file_outcomes: &[Option<Outcome>], report: &mut Report) {
    for (entry, first) in &plan.hard_links {
        let source = file_outcomes.get(*first).and_then(Option::as_ref).zip(plan.files.get(*first));
        let outcome = match source {
            Some((Outcome::Restored | Outcome::AlreadyThere, source)) => made(link(target, source, entry)),
            Some((failed, _)) => failed.clone(),
            None => Outcome::Failed(Failure::refused("the file that it is another name of was not restored")),
        };
        report.files.push(FileResult { path: entry.path(), outcome });
    }
    for entry in &plan.others {
        let outcome = special(target, entry);
        report.files.push(FileResult { path: entry.path(), outcome });
    }
    for entry in plan.folders.iter().rev() {
        match target.folder(&entry.path()).and_then(|folder| Ok(File::from(folder.as_fd().try_clone_to_owned()?))) {
            Ok(folder) => {
                report.dirs += 1;
                report.warnings.extend(set_file_metadata(&folder, &entry.node).map(|warning| (entry.path(), warning)));
            }
            Err(error) => {
                let outcome = Outcome::Failed(Failure::refused(error));
                report.files.push(FileResult { path: entry.path(), outcome });
            }
        }
    }
}

fn made(result: io::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Restored,
        Err(error) => Outcome::Failed(Failure::refused(error)),
    }
}

fn link(target: &Target, source: &Entry, entry: &Entry) -> io::Result<()> {
    target.clear(&entry.folder, entry.name())?;
    let (from, to) = (target.folder(&source.folder)?, target.folder(&entry.folder)?);
    Ok(linkat(from.as_fd(), source.name(), to.as_fd(), entry.name(), AtFlags::empty())?)
}

fn special(target: &Target, entry: &Entry) -> Outcome {
    let node = &entry.node;
    let permissions = Mode::from_raw_mode(mode::to_unix_permissions(node.mode));
    let make = |folder: BorrowedFd<'_>, name: &OsStr| -> Option<rustix::io::Result<()>> {
        Some(match node.kind {
            Kind::Symlink => symlinkat(OsStr::from_bytes(&node.link_target), folder, name),
            Kind::Fifo => mknodat(folder, name, FileType::Fifo, permissions, 0),
            Kind::Dev => mknodat(folder, name, FileType::BlockDevice, permissions, node.device),
            Kind::CharDev => mknodat(folder, name, FileType::CharacterDevice, permissions, node.device),
            _ => return None,
        })
    };
    let result = target.clear(&entry.folder, entry.name()).and_then(|()| target.folder(&entry.folder));
    let folder = match result {
        Ok(folder) => folder,
        Err(error) => return Outcome::Failed(Failure::refused(error)),
    };
    match make(folder.as_fd(), entry.name()) {
        None => Outcome::Failed(Failure::NotMade { kind: node.kind.to_string() }),
        Some(result) => {
            made(result.map_err(Into::into).and_then(|()| own(folder.as_fd(), Path::new(entry.name()), node)))
        }
    }
}

fn own(folder: BorrowedFd<'_>, name: &Path, node: &Node) -> io::Result<()> {
    let flags = AtFlags::SYMLINK_NOFOLLOW;
    if geteuid().is_root() {
        chownat(folder, name, Some(Uid::from_raw(node.uid)), Some(Gid::from_raw(node.gid)), flags)?;
    }
    Ok(utimensat(folder, name, &times(node), flags)?)
}
