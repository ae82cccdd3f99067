//! What is in place already from an earlier restore, so that it is not fetched again.

use super::{output::Output, target::Target};
use crate::{Vault, id::Id, pack, vault::Indexed};
use rustix::fs::{Mode, OFlags, openat};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::AsFd,
};

/// Whether the file has exactly this content: the same length, and each of its parts the same SHA-256.
pub(super) fn is_in_place(vault: &Vault<Indexed>, target: &Target, output: &Output, buffer: &mut Vec<u8>) -> bool {
    let Some(content) = &output.entry.node.content else { return false };
    compare(vault, target, output, content, buffer).unwrap_or(false)
}

fn compare(
    vault: &Vault<Indexed>,
    target: &Target,
    output: &Output,
    content: &[Id],
    buffer: &mut Vec<u8>,
) -> io::Result<bool> {
    let lengths: Option<Vec<u32>> = content
        .iter()
        .map(|id| vault.index().lookup(pack::Kind::Data, id).map(|place| place.entry.plaintext_bytes()))
        .collect();
    let Some(lengths) = lengths else { return Ok(false) };
    let expected: u64 = lengths.iter().copied().map(u64::from).sum();
    let folder = target.folder(&output.entry.folder)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder.as_fd(), output.entry.name(), flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() != expected {
        return Ok(false);
    }
    for (id, length) in content.iter().zip(lengths) {
        buffer.clear();
        (&mut file).take(length.into()).read_to_end(buffer)?;
        if Id::of(buffer) != *id {
            return Ok(false);
        }
    }
    let warning = super::finish::set_file_metadata(&file, &output.entry.node);
    if let Some(warning) = warning {
        output.warn(warning);
    }
    Ok(true)
}
