//! The index in memory: some 56 bytes a blob.
//!
//! Entries lie in fixed segments, so that growing never copies them; a hash table of entry numbers finds them. Ids are
//! SHA-256 digests, so their first bytes are hash enough; they are mixed with a secret of the process, because a client
//! can choose content.

use crate::{
    id::Id,
    pack::{Entry, Kind},
};
use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
    num::NonZeroU32,
    sync::{PoisonError, RwLock},
};

/// Where a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The pack.
    pub pack: Id,
    /// The blob in it.
    pub entry: Entry,
}

/// Entry without its pack's name: 48 bytes.
#[derive(Debug, Clone, Copy)]
struct Slot {
    id: Id,
    /// Number of the pack, and in the highest bit whether it is a tree.
    pack: u32,
    offset: u32,
    length: u32,
    uncompressed_length: Option<NonZeroU32>,
}

const TREE_BIT: u32 = 1 << 31;
const SEGMENT_SLOTS: usize = 1 << 13;
const EMPTY: u32 = u32::MAX;

impl Slot {
    const fn kind(&self) -> Kind {
        if self.pack & TREE_BIT == 0 { Kind::Data } else { Kind::Tree }
    }
}

/// Which blob lies where, for one vault. A blob may lie in several packs.
#[derive(Debug)]
pub struct Index {
    packs: Vec<Id>,
    numbers: HashMap<Id, u32>,
    segments: Vec<Vec<Slot>>,
    len: u32,
    /// Open addressing with linear probing; a power of two, at most 7/8 full.
    table: Vec<u32>,
    secret: u64,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            packs: Vec::new(),
            numbers: HashMap::new(),
            segments: Vec::new(),
            len: 0,
            table: Vec::new(),
            // Odd, so that multiplying by it loses nothing.
            secret: RandomState::new().hash_one(0_u64) | 1,
        }
    }
}

impl Index {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pack's blobs. A pack that is described the same way again changes nothing.
    pub fn add_pack(&mut self, pack: Id, entries: &[Entry]) {
        let next = u32::try_from(self.packs.len()).unwrap_or(EMPTY);
        // 2^31 packs are 32 PiB of the smallest that are written.
        assert!(next < TREE_BIT, "an index holds at most 2^31 packs");
        let number = *self.numbers.entry(pack).or_insert(next);
        if number == next {
            self.packs.push(pack);
        }
        for entry in entries {
            self.add(number, entry);
        }
    }

    fn add(&mut self, pack: u32, entry: &Entry) {
        assert!(self.len < EMPTY - 1, "an index holds at most 2^32 - 2 blobs");
        if (self.len as usize + 1) * 8 > self.table.len() * 7 {
            self.grow();
        }
        let tree = if entry.kind == Kind::Tree { TREE_BIT } else { 0 };
        let Entry { id, offset, length, uncompressed_length, .. } = *entry;
        let slot = Slot { id, pack: pack | tree, offset, length, uncompressed_length };
        let mut at = self.home(&id);
        while let Some(found) = self.slot_at(at) {
            if found.id == id && found.pack == slot.pack && found.offset == offset {
                return;
            }
            at = self.after(at);
        }
        if self.segments.last().is_none_or(|segment| segment.len() == SEGMENT_SLOTS) {
            self.segments.push(Vec::with_capacity(if self.segments.is_empty() { 0 } else { SEGMENT_SLOTS }));
        }
        if let (Some(segment), Some(place)) = (self.segments.last_mut(), self.table.get_mut(at)) {
            segment.push(slot);
            *place = self.len;
            self.len += 1;
        }
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(64);
        self.table = vec![EMPTY; size];
        for (number, slot) in (0..).zip(self.segments.iter().flatten()) {
            let mut at = home(self.secret, &slot.id, size);
            while self.table.get(at).is_some_and(|taken| *taken != EMPTY) {
                at = (at + 1) & (size - 1);
            }
            if let Some(place) = self.table.get_mut(at) {
                *place = number;
            }
        }
    }

    fn home(&self, id: &Id) -> usize {
        home(self.secret, id, self.table.len())
    }

    const fn after(&self, at: usize) -> usize {
        (at + 1) & (self.table.len() - 1)
    }

    fn slot_at(&self, at: usize) -> Option<&Slot> {
        let number = *self.table.get(at)?;
        if number == EMPTY { None } else { self.slot(number) }
    }

    fn slot(&self, number: u32) -> Option<&Slot> {
        let number = number as usize;
        self.segments.get(number / SEGMENT_SLOTS)?.get(number % SEGMENT_SLOTS)
    }

    fn probe(&self, kind: Kind, id: Id) -> impl Iterator<Item = &Slot> {
        let mut at = self.home(&id);
        std::iter::from_fn(move || {
            let slot = self.slot_at(at)?;
            at = self.after(at);
            Some(slot)
        })
        .filter(move |slot| slot.id == id && slot.kind() == kind)
    }

    fn location(&self, slot: &Slot) -> Option<Location> {
        let pack = *self.packs.get((slot.pack & !TREE_BIT) as usize)?;
        let Slot { id, offset, length, uncompressed_length, .. } = *slot;
        Some(Location { pack, entry: Entry { id, kind: slot.kind(), offset, length, uncompressed_length } })
    }

    /// Whether the blob lies anywhere.
    pub fn contains(&self, kind: Kind, id: &Id) -> bool {
        self.probe(kind, *id).next().is_some()
    }

    /// One place of the blob.
    pub fn lookup(&self, kind: Kind, id: &Id) -> Option<Location> {
        self.probe(kind, *id).find_map(|slot| self.location(slot))
    }

    /// All places of the blob.
    pub fn lookup_all(&self, kind: Kind, id: &Id) -> Vec<Location> {
        self.probe(kind, *id).filter_map(|slot| self.location(slot)).collect()
    }

    /// Whether the pack is known.
    pub fn has_pack(&self, pack: &Id) -> bool {
        self.numbers.contains_key(pack)
    }

    /// The packs, in the order in which they were added.
    pub fn packs(&self) -> &[Id] {
        &self.packs
    }

    /// Every blob in every place, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Location> {
        self.segments.iter().flatten().filter_map(|slot| self.location(slot))
    }

    /// The blobs of each pack, sorted by offset. Takes four bytes a blob beside the index, and one pack's blobs at a time.
    pub fn by_pack(&self) -> impl Iterator<Item = (Id, Vec<Entry>)> {
        let order_of = |number: &u32| self.slot(*number).map(|slot| (slot.pack & !TREE_BIT, slot.offset));
        let mut numbers: Vec<u32> = (0..self.len).collect();
        numbers.sort_unstable_by_key(order_of);
        let mut rest = numbers.into_iter().filter_map(|number| self.location(self.slot(number)?)).peekable();
        std::iter::from_fn(move || {
            let first = rest.next()?;
            let mut entries = vec![first.entry];
            while let Some(next) = rest.next_if(|next| next.pack == first.pack) {
                entries.push(next.entry);
            }
            Some((first.pack, entries))
        })
    }

    /// This index as if `packs` were not there: a blob that lies in no other pack is unknown to it.
    pub fn without(&self, packs: &BTreeSet<Id>) -> Self {
        let mut rest = Self::new();
        for (pack, entries) in self.by_pack().filter(|(pack, _)| !packs.contains(pack)) {
            rest.add_pack(pack, &entries);
        }
        rest
    }

    /// How many places of blobs are known.
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Memory that the index takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let slots: usize = self.segments.iter().map(Vec::capacity).sum();
        slots * size_of::<Slot>()
            + self.table.capacity() * size_of::<u32>()
            + self.packs.capacity() * size_of::<Id>()
            + self.numbers.capacity() * (size_of::<(Id, u32)>() + 1)
    }
}

fn home(secret: u64, id: &Id, table_len: usize) -> usize {
    let mixed = id.prefix().wrapping_mul(secret);
    // The high bits of the product depend on all bits of the factors.
    usize::try_from(mixed >> 32).unwrap_or(0) & table_len.wrapping_sub(1)
}

/// An index that backups extend while others look blobs up.
#[derive(Debug, Default)]
pub struct Shared(RwLock<Index>);

impl Shared {
    /// Shares `index`.
    pub const fn new(index: Index) -> Self {
        Self(RwLock::new(index))
    }

    /// Whether the blob lies anywhere.
    pub fn contains(&self, kind: Kind, id: &Id) -> bool {
        self.read(|index| index.contains(kind, id))
    }

    /// One place of the blob.
    pub fn lookup(&self, kind: Kind, id: &Id) -> Option<Location> {
        self.read(|index| index.lookup(kind, id))
    }

    /// Adds a pack that is stored and listed in a stored index file.
    pub fn add_pack(&self, pack: Id, entries: &[Entry]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).add_pack(pack, entries);
    }

    /// Looks at the whole index; nobody can add meanwhile, so be short.
    pub fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u32, kind: Kind) -> Entry {
        Entry {
            id: Id::of(&n.to_le_bytes()),
            kind,
            offset: n,
            length: 100,
            uncompressed_length: NonZeroU32::new(n % 3),
        }
    }

    #[test]
    fn every_blob_is_found_and_no_other() {
        let mut index = Index::new();
        assert!(!index.contains(Kind::Data, &Id::of(b"")) && index.is_empty());
        let packs: Vec<Id> = (0..20_u32).map(|n| Id::of(&(n + 1_000_000).to_le_bytes())).collect();
        for (number, pack) in (0..).zip(&packs) {
            let blobs: Vec<Entry> = (0..1000).map(|n| entry(number * 1000 + n, Kind::Data)).collect();
            index.add_pack(*pack, &blobs);
            index.add_pack(*pack, &blobs);
        }
        assert_eq!((index.len(), index.packs().len()), (20_000, 20));
        for n in 0..20_000 {
            let expected = entry(n, Kind::Data);
            let found = index.lookup(Kind::Data, &expected.id).unwrap();
            assert_eq!((found.entry, found.pack), (expected, packs[n as usize / 1000]));
            assert!(!index.contains(Kind::Tree, &expected.id), "kinds are apart");
        }
        assert!((20_000..30_000).all(|n| !index.contains(Kind::Data, &entry(n, Kind::Data).id)));
        assert_eq!(index.iter().count(), 20_000);
        let by_pack: Vec<_> = index.by_pack().collect();
        assert!(by_pack.iter().map(|(pack, _)| *pack).eq(packs.iter().copied()));
        assert!(by_pack.iter().all(|(_, blobs)| blobs.len() == 1000 && blobs.is_sorted_by_key(|blob| blob.offset)));
        assert!(index.has_pack(&packs[3]) && !index.has_pack(&Id::of(b"")));
    }

    #[test]
    fn a_blob_in_several_packs_has_several_places() {
        let shared = Shared::default();
        let (a, b) = (Id::of(b"a"), Id::of(b"b"));
        shared.add_pack(a, &[entry(1, Kind::Tree)]);
        shared.add_pack(b, &[entry(1, Kind::Tree), entry(1, Kind::Data)]);
        let id = entry(1, Kind::Tree).id;
        let places = shared.read(|index| index.lookup_all(Kind::Tree, &id));
        assert_eq!(places.iter().map(|place| place.pack).collect::<Vec<_>>(), [a, b]);
        assert!(shared.contains(Kind::Data, &id));
        assert_eq!(shared.lookup(Kind::Data, &id).unwrap().pack, b);
    }

    #[test]
    fn without_a_pack_only_blobs_of_other_packs_are_known() {
        let mut index = Index::new();
        let (a, b) = (Id::of(b"a"), Id::of(b"b"));
        index.add_pack(a, &[entry(1, Kind::Data), entry(2, Kind::Data)]);
        index.add_pack(b, &[entry(2, Kind::Data), entry(3, Kind::Tree)]);
        let rest = index.without(&BTreeSet::from([a]));
        let place = |n, kind| rest.lookup(kind, &entry(n, kind).id).map(|place| place.pack);
        assert_eq!((place(1, Kind::Data), place(2, Kind::Data), place(3, Kind::Tree)), (None, Some(b), Some(b)));
        assert_eq!((rest.len(), rest.packs()), (2, &[b][..]));
        assert_eq!(index.len(), 4);
    }

    #[test]
    fn a_blob_takes_at_most_64_bytes() {
        let mut index = Index::new();
        let blobs: Vec<Entry> = (0..100_000).map(|n| entry(n, Kind::Data)).collect();
        index.add_pack(Id::of(b""), &blobs);
        let each = index.memory_bytes() / blobs.len();
        assert!(each <= 64, "{each}");
    }
}
