//! Which bytes of which packs are read, in which order.

use crate::{
    Vault,
    id::Id,
    index::Location,
    pack::{self, Entry},
    vault::Indexed,
};
use std::collections::{HashMap, HashSet};

/// Unwanted bytes between two wanted blobs that are read rather than asked for apart.
const GAP_BYTES: u64 = 256 << 10;
/// Bytes of one read, at most, unless one blob is longer.
const READ_BYTES: u64 = 4 << 20;

/// Where a blob belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the file.
    pub(super) file: usize,
    pub(super) offset: u64,
}

/// Blobs of one pack that are read at once.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) pack: Id,
    /// In the order in which they lie.
    pub(crate) blobs: Vec<(Entry, Vec<Place>)>,
}

impl Read {
    pub(crate) fn range(&self) -> std::ops::Range<u64> {
        let start = self.blobs.first().map_or(0, |(entry, _)| entry.range().start);
        start..self.blobs.last().map_or(start, |(entry, _)| entry.range().end)
    }

    /// Memory that the read and its plaintext take.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let longest = self.blobs.iter().map(|(entry, _)| entry.plaintext_bytes()).max().unwrap_or(0);
        let range = self.range();
        range.end - range.start + u64::from(longest)
    }
}

/// What to read for all files, and which files need blobs that the vault has not.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub(super) reads: Vec<Read>,
    /// Number of the file, and the blob.
    pub(super) missing: Vec<(usize, Id)>,
}

/// The wanted blobs of one pack.
type Wanted = HashMap<Id, (Entry, Vec<Place>)>;

/// Plans the reads for files given as number and content.
pub(super) fn schedule<'a>(vault: &Vault<Indexed>, files: impl Iterator<Item = (usize, &'a [Id])>) -> Schedule {
    let mut schedule = Schedule::default();
    let mut packs: Vec<(Id, Wanted)> = Vec::new();
    let mut numbers: HashMap<Id, usize> = HashMap::new();
    for (file, content) in files {
        let mut offset = 0;
        for id in content {
            let Some(Location { pack, entry }) = vault.index().lookup(pack::Kind::Data, id) else {
                schedule.missing.push((file, *id));
                break;
            };
            let number = *numbers.entry(pack).or_insert_with(|| {
                packs.push((pack, Wanted::new()));
                packs.len() - 1
            });
            if let Some((_, blobs)) = packs.get_mut(number) {
                blobs.entry(*id).or_insert_with(|| (entry, Vec::new())).1.push(Place { file, offset });
            }
            offset += u64::from(entry.plaintext_bytes());
        }
    }
    let unreadable: HashSet<usize> = schedule.missing.iter().map(|(file, _)| *file).collect();
    for (pack, blobs) in packs {
        let wanted = blobs.into_values().filter_map(|(entry, mut places)| {
            places.retain(|place| !unreadable.contains(&place.file));
            (!places.is_empty()).then_some((entry, places))
        });
        split(pack, wanted.collect(), &mut schedule.reads);
    }
    schedule
}

/// Joins blobs of one pack that lie close to each other.
pub(crate) fn split(pack: Id, mut blobs: Vec<(Entry, Vec<Place>)>, reads: &mut Vec<Read>) {
    blobs.sort_unstable_by_key(|(entry, _)| entry.offset);
    let mut present = Read { pack, blobs: Vec::new() };
    for blob in blobs {
        let (read, range) = (present.range(), blob.0.range());
        let near = range.start.saturating_sub(read.end) <= GAP_BYTES && range.end - read.start <= READ_BYTES;
        if !near && !present.blobs.is_empty() {
            reads.push(std::mem::replace(&mut present, Read { pack, blobs: Vec::new() }));
        }
        present.blobs.push(blob);
    }
    if !present.blobs.is_empty() {
        reads.push(present);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(offset: u32, length: u32) -> (Entry, Vec<Place>) {
        let id = Id::of(&offset.to_le_bytes());
        (Entry { id, kind: pack::Kind::Data, offset, length, uncompressed_length: None }, Vec::new())
    }

    #[test]
    fn near_blobs_are_read_at_once_and_distant_or_many_ones_are_not() {
        let ranges = |blobs: Vec<_>| {
            let mut reads = Vec::new();
            split(Id::of(b"pack"), blobs, &mut reads);
            reads.iter().map(Read::range).collect::<Vec<_>>()
        };
        assert_eq!(ranges(vec![blob(200, 50), blob(0, 100)]), vec![0..250]);
        let gap = u32::try_from(GAP_BYTES).unwrap();
        assert_eq!(ranges(vec![blob(0, 100), blob(101 + gap, 9)]).len(), 2);
        let mebibyte = 1 << 20;
        let many = (0..10).map(|number| blob(number * mebibyte, mebibyte)).collect();
        assert_eq!(ranges(many).len(), 3);
        assert_eq!(ranges(vec![blob(0, 9 * mebibyte)]), vec![0..9 << 20], "a long blob is read as it is");
    }
}
