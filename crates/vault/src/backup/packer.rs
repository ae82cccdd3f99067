//! Packs in the making: blobs are sealed straight into them, and hashed while they are still in the cache.
//!
//! Several packs are open at once and each blob goes into one chosen at random (safety rule S17): with one pack after the
//! other, the lengths of neighbouring chunks would lie in order in the store for anyone to compare with a known file.
//! A small backup keeps to one pack all the same, since each object costs its request.

use crate::{
    crypto::{Key, OVERHEAD_BYTES, SealError},
    engine::{Buffer, Engine},
    id::{Hasher, Id},
    pack,
};
use bytes::Bytes;
use keepsake_store::Payload;
use rand::{RngExt, rngs::StdRng};
use std::{
    num::NonZeroU32,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Packs open at once, at most.
const OPEN_PACKS: usize = 4;
/// Bytes after which one more pack is opened.
const BYTES_FOR_EACH_OPEN_PACK: u64 = 8 << 20;
/// Length at which a pack is finished; the last blob may exceed it by its own length, far below the 128 MiB of S27.
pub(super) const TARGET_BYTES: u64 = 16 << 20;
/// Blobs of one pack: keeps the header far below restic's limit of 16 MiB.
const MAX_BLOBS: usize = 50_000;

/// One blob, ready to be sealed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blob<'a> {
    pub(super) id: Id,
    pub(super) kind: pack::Kind,
    /// What is sealed: the content, or its zstd form.
    pub(super) bytes: &'a [u8],
    /// Length of the content if `bytes` is its zstd form.
    pub(super) uncompressed_length: Option<NonZeroU32>,
}

/// The open packs of one kind of blob.
#[derive(Debug)]
pub(super) struct Packer {
    slots: [Slot; OPEN_PACKS],
    random: Mutex<StdRng>,
    sealed_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Slot {
    pack: Mutex<OpenPack>,
    /// Bytes of `pack`, readable without its lock.
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct OpenPack {
    pieces: Vec<Bytes>,
    tail: Option<Buffer>,
    hasher: Hasher,
    entries: Vec<pack::Entry>,
    length: u64,
}

/// A blob that cannot be put into a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Encryption failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The header of the pack cannot be written.
    #[error("a pack of {blobs} blobs cannot be written: its header would be too long")]
    Header {
        /// Blobs in it.
        blobs: usize,
    },
    /// Lengths and offsets in a pack have 32 bits.
    #[error("a blob of {bytes} bytes is too long for a pack")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Packer {
    pub(super) fn new(random: StdRng) -> Self {
        Self { slots: Default::default(), random: Mutex::new(random), sealed_bytes: AtomicU64::new(0) }
    }

    /// Seals `blob` into one of the open packs. Returns how many bytes it takes there, and the pack if it is complete.
    pub(super) fn add(
        &self,
        engine: &Engine,
        key: &Key,
        blob: Blob<'_>,
    ) -> Result<(u64, Option<pack::Finished>), PackError> {
        let slot = self.choose();
        let mut open = lock(&slot.pack);
        let before = open.length;
        open.seal(engine, key, blob)?;
        let added = open.length - before;
        self.sealed_bytes.fetch_add(added, Relaxed);
        if open.length < TARGET_BYTES && open.entries.len() < MAX_BLOBS {
            slot.bytes.store(open.length, Relaxed);
            return Ok((added, None));
        }
        let full = slot.empty(&mut open);
        drop(open);
        Ok((added, full.finish(engine, key).map(Some)?))
    }

    /// Bytes in open packs.
    pub(super) fn open_bytes(&self) -> u64 {
        self.slots.iter().map(|slot| slot.bytes.load(Relaxed)).sum()
    }

    /// Completes the fullest open pack, whatever its length. `None` if all are empty.
    pub(super) fn finish_fullest(&self, engine: &Engine, key: &Key) -> Result<Option<pack::Finished>, PackError> {
        let Some(slot) = self.slots.iter().max_by_key(|slot| slot.bytes.load(Relaxed)) else { return Ok(None) };
        let full = slot.empty(&mut lock(&slot.pack));
        if full.entries.is_empty() { Ok(None) } else { full.finish(engine, key).map(Some) }
    }

    /// A random one of the packs that may be open by now; another if that one is being written to.
    fn choose(&self) -> &Slot {
        let allowed = 1 + self.sealed_bytes.load(Relaxed) / BYTES_FOR_EACH_OPEN_PACK;
        let allowed = usize::try_from(allowed).unwrap_or(OPEN_PACKS).min(OPEN_PACKS);
        let chosen = lock(&self.random).random_range(0..allowed);
        let mut candidates = self.slots.iter().take(allowed).cycle().skip(chosen).take(allowed);
        let [first, ..] = &self.slots;
        let preferred = candidates.clone().next().unwrap_or(first);
        candidates.find(|slot| slot.pack.try_lock().is_ok()).unwrap_or(preferred)
    }
}

impl Slot {
    fn empty(&self, open: &mut OpenPack) -> OpenPack {
        self.bytes.store(0, Relaxed);
        std::mem::take(open)
    }
}

impl OpenPack {
    fn seal(&mut self, engine: &Engine, key: &Key, blob: Blob<'_>) -> Result<(), PackError> {
        let too_long = || PackError::TooLong { bytes: blob.bytes.len() as u64 };
        let length = u32::try_from(blob.bytes.len() + OVERHEAD_BYTES).map_err(|_| too_long())?;
        let offset = u32::try_from(self.length).map_err(|_| too_long())?;
        let tail = self.tail_with_room(engine, blob.bytes.len() + OVERHEAD_BYTES);
        let start = tail.len();
        key.seal_into(blob.bytes, tail.vec())?;
        if let Some((tail, hasher)) = self.tail.as_ref().map(|tail| (tail, &mut self.hasher)) {
            hasher.update(tail.get(start..).unwrap_or_default());
        }
        self.length += u64::from(length);
        let Blob { id, kind, uncompressed_length, .. } = blob;
        self.entries.push(pack::Entry { id, kind, offset, length, uncompressed_length });
        Ok(())
    }

    /// The buffer at the end, or a new one. Buffers grow with the pack, so that a pack of a few rows takes little.
    fn tail_with_room(&mut self, engine: &Engine, needed: usize) -> &mut Buffer {
        if self.tail.as_ref().is_some_and(|tail| tail.room() < needed)
            && let Some(full) = self.tail.take()
        {
            self.pieces.push(full.freeze());
        }
        let size = match self.length {
            0 => 64 << 10,
            1..0x10_0000 => 256 << 10,
            0x10_0000..0x40_0000 => 1 << 20,
            _ => 4 << 20,
        };
        self.tail.get_or_insert_with(|| engine.buffer(needed.max(size)))
    }

    fn finish(mut self, engine: &Engine, key: &Key) -> Result<pack::Finished, PackError> {
        let too_long = PackError::Header { blobs: self.entries.len() };
        let header = pack::encode(&self.entries);
        let sealed_length = header.len() + OVERHEAD_BYTES;
        let length_field = u32::try_from(sealed_length).map_err(|_| too_long)?.to_le_bytes();
        let mut tail = engine.buffer(sealed_length + length_field.len());
        key.seal_into(&header, tail.vec())?;
        tail.vec().extend_from_slice(&length_field);
        self.hasher.update(&tail);
        let size_bytes = self.length + tail.len() as u64;
        let mut pieces = self.pieces;
        pieces.extend(self.tail.map(Buffer::freeze));
        pieces.push(tail.freeze());
        let payload = Payload::from(pieces);
        Ok(pack::Finished { id: self.hasher.finish(), payload, entries: self.entries, size_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineConfig;
    use rand::SeedableRng;

    fn engine() -> Engine {
        Engine::new(EngineConfig { cpu_threads: 1, memory_bytes: 64 << 20, transfers: 1 }).unwrap()
    }

    fn fill(packer: &Packer, blobs: u32, length: usize) -> Vec<pack::Finished> {
        let (engine, key) = (engine(), Key::generate().unwrap());
        let mut packs = Vec::new();
        for number in 0..blobs {
            let mut bytes = vec![7; length];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            let blob = Blob { id: Id::of(&bytes), kind: pack::Kind::Data, bytes: &bytes, uncompressed_length: None };
            packs.extend(packer.add(&engine, &key, blob).unwrap().1);
        }
        while let Some(pack) = packer.finish_fullest(&engine, &key).unwrap() {
            packs.push(pack);
        }
        assert_eq!(packer.open_bytes(), 0);
        packs
    }

    #[test]
    fn a_pack_is_named_by_its_bytes_and_its_header_lists_its_blobs() {
        let packs = fill(&Packer::new(StdRng::seed_from_u64(1)), 3, 100_000);
        let [pack] = &packs[..] else { panic!("a small backup makes one pack, not {}", packs.len()) };
        let bytes = pack.payload.pieces().concat();
        assert_eq!((Id::of(&bytes), bytes.len() as u64), (pack.id, pack.size_bytes));
        assert_eq!(pack.entries.len(), 3);
    }

    #[test]
    fn s17_neighbouring_blobs_of_a_large_backup_are_spread_over_several_packs() {
        let packs = fill(&Packer::new(StdRng::seed_from_u64(1)), 120, 1 << 20);
        let home = |number: u32| {
            let mut bytes = vec![7; 1 << 20];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            let id = Id::of(&bytes);
            packs.iter().position(|pack| pack.entries.iter().any(|entry| entry.id == id)).unwrap()
        };
        let together = (60..100).filter(|number| home(*number) == home(number + 1)).count();
        assert!(together < 25, "{together} of 40 neighbours lie in one pack");
        assert!(packs.iter().all(|pack| pack.size_bytes < 128 << 20), "S27");
    }
}
