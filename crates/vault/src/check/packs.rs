//! Second phase: packs, by name and size, by hash, or blob by blob.

use super::{Fault, Hint, Level, Options, Progress, state::State, state::chain, state::reason};
use crate::{
    blob,
    compress::Decompressor,
    error::{Damage, Error, Result},
    file,
    id::{Hasher, Id},
    pack::{self, Entry},
    vault::{Indexed, Vault},
};
use futures::StreamExt as _;
use std::ops::Range;
use tokio_util::sync::CancellationToken;

/// How much of a pack is fetched at once, beyond which a single blob may still go.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// A pack to be read.
struct Job {
    pack: Id,
    entries: Vec<Entry>,
    size_bytes: u64,
    /// Open the blobs in any case, not only if the hash is wrong.
    blobs: bool,
}

/// What reading a pack gave.
#[derive(Default)]
struct Outcome {
    faults: Vec<Fault>,
    /// Blobs that are bad, and why.
    bad: Vec<(Entry, Fault)>,
}

pub(super) async fn check(state: &mut State, options: &Options, cancel: &CancellationToken) -> Result<()> {
    let jobs = compare_sizes(state, options.level);
    let progress = &options.progress;
    Progress::add(&progress.packs_total, jobs.len() as u64);
    Progress::add(&progress.bytes_total, jobs.iter().map(|job| job.size_bytes).sum());
    let vault = state.vault.clone();
    let read = async |job: Job| (job.pack, read_pack(&vault, job, progress, cancel).await);
    let mut reads = futures::stream::iter(jobs).map(read).buffer_unordered(options.workers.max(1));
    while let Some((pack, outcome)) = reads.next().await {
        let outcome = outcome?;
        Progress::add(&progress.packs_done, 1);
        for fault in outcome.faults {
            state.fault(fault);
        }
        for (entry, fault) in outcome.bad {
            let number = state.fault(fault);
            state.mark_bad(entry.kind, entry.id, pack, number);
        }
    }
    Ok(())
}

/// Compares the packs in the store with the index; what is to be read follows from that and the level.
fn compare_sizes(state: &mut State, level: Level) -> Vec<Job> {
    let index = state.vault.index().clone();
    let listed: Vec<(Id, Vec<Entry>)> = index.read(|index| index.by_pack().collect());
    let (mut jobs, mut mixed) = (Vec::new(), 0);
    for (pack, entries) in listed {
        mixed += u64::from(entries.iter().any(|entry| Some(entry.kind) != entries.first().map(|first| first.kind)));
        let Some(&size_bytes) = state.stored.get(&pack) else {
            let fault = state.fault(Fault::PackMissing { pack });
            entries.iter().for_each(|entry| state.mark_bad(entry.kind, entry.id, pack, fault));
            continue;
        };
        let expected_bytes = pack::size_bytes(&entries);
        let wrong_size = size_bytes != expected_bytes;
        if wrong_size {
            let fault = state.fault(Fault::PackSize { pack, actual_bytes: size_bytes, expected_bytes });
            for entry in entries.iter().filter(|entry| entry.range().end > size_bytes) {
                state.mark_bad(entry.kind, entry.id, pack, fault);
            }
        }
        if wrong_size || level > Level::Structure {
            let entries = entries.into_iter().filter(|entry| entry.range().end <= size_bytes).collect();
            jobs.push(Job { pack, entries, size_bytes, blobs: wrong_size || level == Level::All });
        }
    }
    if mixed > 0 {
        state.hint(Hint::MixedPacks { count: mixed });
    }
    jobs
}

async fn read_pack(
    vault: &Vault<Indexed>,
    job: Job,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Outcome> {
    let first = read_segments(vault, &job, job.blobs, progress, cancel).await?;
    let hash_is_wrong = first.faults.iter().any(|fault| matches!(fault, Fault::PackHash { .. }));
    let mut outcome = if hash_is_wrong && !job.blobs {
        // Read once more, to say which blobs are lost and which are not.
        read_segments(vault, &job, true, progress, cancel).await?
    } else {
        first
    };
    if job.blobs || hash_is_wrong {
        outcome.faults.extend(compare_header(vault, &job, cancel).await?);
    }
    Ok(outcome)
}

/// Reads a pack from end to end in segments that hold whole blobs.
async fn read_segments(
    vault: &Vault<Indexed>,
    job: &Job,
    blobs: bool,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Outcome> {
    let key = file::Kind::Pack.key(&job.pack);
    let (mut hasher, mut outcome) = (Hasher::new(), Outcome::default());
    for (range, entries) in segments(&job.entries, job.size_bytes) {
        let (start, len_bytes) = (range.start, range.end - range.start);
        let get = vault.store().get_range(&key, range);
        let bytes = match cancel.run_until_cancelled(get).await.ok_or(Error::Cancelled)? {
            Ok(bytes) => Vec::from(bytes),
            Err(error) => {
                let fault = Fault::PackUnreadable { pack: job.pack, reason: chain(&error) };
                outcome.bad.extend(job.entries.iter().map(|entry| (*entry, fault.clone())));
                outcome.faults.push(fault);
                return Ok(outcome);
            }
        };
        let (open_with, pack) = (vault.to_open(), job.pack);
        let work = move || {
            hasher.update(&bytes);
            let entries = if blobs { entries } else { Vec::new() };
            (hasher, open_blobs(&open_with, pack, bytes, start, entries))
        };
        let (returned, bad) = tokio::task::spawn_blocking(work).await?;
        hasher = returned;
        outcome.bad.extend(bad);
        Progress::add(&progress.bytes_done, len_bytes);
    }
    let actual = hasher.finish();
    if actual != job.pack {
        outcome.faults.push(Fault::PackHash { pack: job.pack, actual });
    }
    Ok(outcome)
}

/// Cuts a pack between blobs, at about [`SEGMENT_BYTES`], such that every byte is in one segment and every blob whole.
fn segments(entries: &[Entry], size_bytes: u64) -> Vec<(Range<u64>, Vec<Entry>)> {
    let mut segments: Vec<(Range<u64>, Vec<Entry>)> = Vec::new();
    for entry in entries {
        let range = entry.range();
        match segments.last_mut() {
            // A blob that overlaps the one before is read with it: it will not open, but no byte is hashed twice.
            Some((segment, list)) if range.start < segment.end || range.end - segment.start <= SEGMENT_BYTES => {
                segment.end = segment.end.max(range.end);
                list.push(*entry);
            }
            last => {
                let start = last.map_or(0, |(segment, _)| segment.end);
                segments.push((start..range.end, vec![*entry]));
            }
        }
    }
    // What follows the last blob is the header, and in a pack of the wrong size whatever else is there.
    let start = segments.last().map_or(0, |(segment, _)| segment.end);
    segments.extend(pieces(start..size_bytes).map(|range| (range, Vec::new())));
    segments
}

/// Cuts a range into pieces of at most [`SEGMENT_BYTES`].
fn pieces(whole: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = whole.start;
    std::iter::from_fn(move || {
        let piece = start..whole.end.min(start + SEGMENT_BYTES);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Opens the blobs in `bytes`, which begin at `start` in the pack.
fn open_blobs(vault: &Vault, pack: Id, mut bytes: Vec<u8>, start: u64, entries: Vec<Entry>) -> Vec<(Entry, Fault)> {
    let mut scratch = Vec::new();
    let mut decompressor = Decompressor::new();
    let mut open = |entry: &Entry| -> Result<(), Damage> {
        let from = usize::try_from(u64::from(entry.offset).saturating_sub(start)).unwrap_or(usize::MAX);
        let to = from.saturating_add(entry.length as usize);
        let truncated = Damage::Truncated { actual_bytes: 0, expected_bytes: entry.length.into() };
        let sealed = bytes.get_mut(from..to).ok_or(truncated)?;
        let decompressor = decompressor.as_mut().map_err(|_| crate::compress::Error::Encoding { first_byte: 0 })?;
        blob::open(vault.key(), entry, sealed, decompressor, &mut scratch).map(|_| ())
    };
    let damaged = |entry: &Entry, damage: &Damage| Fault::BlobDamaged {
        blob: entry.id,
        kind: entry.kind,
        pack,
        reason: chain(damage),
    };
    entries.into_iter().filter_map(|entry| open(&entry).err().map(|damage| (entry, damaged(&entry, &damage)))).collect()
}

/// Reads the header and compares it with the index.
async fn compare_header(vault: &Vault<Indexed>, job: &Job, cancel: &CancellationToken) -> Result<Option<Fault>> {
    let read = vault.read_pack_header(&job.pack, job.size_bytes);
    let reason = match cancel.run_until_cancelled(read).await.ok_or(Error::Cancelled)? {
        Ok(entries) if entries == job.entries => return Ok(None),
        Ok(_) => "it lists other blobs than the index".to_owned(),
        Err(error) => reason(&error),
    };
    Ok(Some(Fault::PackHeader { pack: job.pack, reason }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::Kind;
    use proptest::prelude::*;

    fn entries(lengths: &[u32]) -> Vec<Entry> {
        let mut offset = 0;
        let mut entries = Vec::new();
        for length in lengths {
            let id = Id::of(&offset.to_string().into_bytes());
            entries.push(Entry { id, kind: Kind::Data, offset, length: *length, uncompressed_length: None });
            offset += length;
        }
        entries
    }

    proptest! {
        #[test]
        fn segments_cover_every_byte_once_and_cut_no_blob(lengths in prop::collection::vec(32..12_000_000_u32, 0..12), header in 1..20_000_000_u64) {
            let entries = entries(&lengths);
            let size_bytes = lengths.iter().map(|length| u64::from(*length)).sum::<u64>() + header;
            let segments = segments(&entries, size_bytes);
            let mut end = 0;
            for (range, inside) in &segments {
                prop_assert_eq!(range.start, end);
                end = range.end;
                prop_assert!(inside.iter().all(|entry| entry.range().start >= range.start && entry.range().end <= range.end));
                prop_assert!(range.end - range.start <= SEGMENT_BYTES || inside.len() == 1);
            }
            prop_assert_eq!(end, size_bytes);
            prop_assert_eq!(segments.iter().map(|(_, inside)| inside.len()).sum::<usize>(), entries.len());
        }
    }
}
