//! Finding cut points in a stream that arrives piece by piece.

use super::Gear;
use std::sync::Arc;

/// Lengths of content-defined chunks, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    min: usize,
    average: usize,
    max: usize,
}

/// Chunk lengths that cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "chunk sizes of {min}, {average} and {max} bytes cannot be used: they must rise, the smallest at least 64 bytes, \
     the average a power of two of at least 256 bytes and the greatest at most 64 MiB"
)]
pub struct InvalidSizes {
    min: usize,
    average: usize,
    max: usize,
}

/// How far the two masks lie from the average: two bits harder before it, two easier after it. It keeps most chunks
/// between the average's half and its double, which costs less deduplication than a wide spread.
const NORMALISATION_BITS: u32 = 2;

impl Sizes {
    /// What vaults are created with: 512 KiB, 1 MiB, 8 MiB, restic's range.
    pub const DEFAULT: Self = Self { min: 512 << 10, average: 1 << 20, max: 8 << 20 };

    /// Checks lengths that come from a configuration.
    ///
    /// # Errors
    /// [`InvalidSizes`] unless `64 <= min < average < max <= 64 MiB` and `average` is a power of two from 256 on.
    pub const fn new(min: usize, average: usize, max: usize) -> Result<Self, InvalidSizes> {
        let rising = min >= 64 && min < average && average < max && max <= 64 << 20;
        if rising && average.is_power_of_two() && average >= 256 {
            Ok(Self { min, average, max })
        } else {
            Err(InvalidSizes { min, average, max })
        }
    }

    /// The longest chunk.
    pub const fn max(&self) -> usize {
        self.max
    }

    /// The shortest chunk, except at the end of a stream.
    pub const fn min(&self) -> usize {
        self.min
    }

    /// The masks before and after the average: the top bits, whose value depends on the last 64 bytes.
    const fn masks(&self) -> (u64, u64) {
        let bits = self.average.trailing_zeros();
        (u64::MAX << (64 - (bits + NORMALISATION_BITS)), u64::MAX << (64 - (bits - NORMALISATION_BITS)))
    }
}

/// Finds the cut points of one stream. Keeps its place between pieces, so that no byte is looked at twice.
#[derive(Debug, Clone)]
pub struct Cutter {
    rule: Rule,
    /// Bytes of the present chunk that were seen.
    seen: usize,
    fingerprint: u64,
}

#[derive(Debug, Clone)]
enum Rule {
    Content { gear: Arc<Gear>, sizes: Sizes, before: u64, after: u64 },
    Fixed { length: usize },
}

impl Cutter {
    /// Cut points by content.
    pub fn content(gear: Arc<Gear>, sizes: Sizes) -> Self {
        let (before, after) = sizes.masks();
        Self::with_masks(gear, sizes, before, after)
    }

    /// As [`content`](Self::content) with masks of the caller's, to compare with another implementation.
    pub fn with_masks(gear: Arc<Gear>, sizes: Sizes, before: u64, after: u64) -> Self {
        Self { rule: Rule::Content { gear, sizes, before, after }, seen: 0, fingerprint: 0 }
    }

    /// Chunks of one length (the last may be shorter), for files that change in place.
    pub fn fixed(length: std::num::NonZeroUsize) -> Self {
        Self { rule: Rule::Fixed { length: length.get() }, seen: 0, fingerprint: 0 }
    }

    /// The longest chunk this cutter makes.
    pub fn max(&self) -> usize {
        match &self.rule {
            Rule::Content { sizes, .. } => sizes.max,
            Rule::Fixed { length } => *length,
        }
    }

    /// Forgets the present chunk: the next byte begins a new one. Also used when the caller cuts where it likes.
    pub fn restart(&mut self) {
        self.seen = 0;
        self.fingerprint = 0;
    }

    /// Looks at the next bytes of the stream. `Some(n)`: the present chunk ends after `n` of them (`n` may be 0), and the
    /// caller goes on with the rest, which begins the next chunk. `None`: it does not end within `piece`.
    pub fn feed(&mut self, piece: &[u8]) -> Option<usize> {
        let cut = match &self.rule {
            Rule::Fixed { length } => {
                let room = length - self.seen;
                if piece.len() < room { Err(self.fingerprint) } else { Ok(room) }
            }
            Rule::Content { gear, sizes, before, after } => {
                scan(gear, *sizes, (*before, *after), self.seen, self.fingerprint, piece)
            }
        };
        match cut {
            Ok(length) => {
                self.restart();
                Some(length)
            }
            Err(fingerprint) => {
                self.seen += piece.len();
                self.fingerprint = fingerprint;
                None
            }
        }
    }
}

/// The bytes up to `end` of the chunk, as the rest of `piece` from `at` on.
fn window(piece: &[u8], at: usize, seen: usize, end: usize) -> &[u8] {
    let stop = end.saturating_sub(seen).min(piece.len());
    piece.get(at..stop).unwrap_or_default()
}

/// Where in `piece` the chunk ends, or the fingerprint to go on with.
fn scan(gear: &Gear, sizes: Sizes, masks: (u64, u64), seen: usize, start: u64, piece: &[u8]) -> Result<usize, u64> {
    let mut fingerprint = start;
    // Nothing can be cut before the shortest length, so those bytes are not even hashed.
    let mut at = sizes.min.saturating_sub(seen).min(piece.len());
    for (end, mask) in [(sizes.average, masks.0), (sizes.max, masks.1)] {
        let bytes = window(piece, at, seen, end);
        if let Some(found) = find(gear, mask, &mut fingerprint, bytes) {
            return Ok(at + found);
        }
        at += bytes.len();
    }
    if seen + at >= sizes.max { Ok(at) } else { Err(fingerprint) }
}

/// The first byte of `bytes` at which the fingerprint has no bit of `mask`; it belongs to the next chunk.
#[inline]
fn find(gear: &Gear, mask: u64, fingerprint: &mut u64, bytes: &[u8]) -> Option<usize> {
    let mut hash = *fingerprint;
    // Two bytes a round: the second word is added to a hash that was shifted by two at once, which halves the chain of
    // dependent shifts. Equal to hashing byte by byte, with the first check one bit further left.
    let (pairs, last) = bytes.as_chunks::<2>();
    for (index, [first, second]) in pairs.iter().enumerate() {
        let shifted = (hash << 2).wrapping_add(gear.word(*first) << 1);
        if shifted & (mask << 1) == 0 && hash_of(hash, gear, *first) & mask == 0 {
            *fingerprint = 0;
            return Some(index * 2);
        }
        hash = shifted.wrapping_add(gear.word(*second));
        if hash & mask == 0 {
            *fingerprint = 0;
            return Some(index * 2 + 1);
        }
    }
    for byte in last {
        hash = hash_of(hash, gear, *byte);
        if hash & mask == 0 {
            *fingerprint = 0;
            return Some(bytes.len() - 1);
        }
    }
    *fingerprint = hash;
    None
}

#[inline(always)]
fn hash_of(hash: u64, gear: &Gear, byte: u8) -> u64 {
    (hash << 1).wrapping_add(gear.word(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn random(length: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; length];
        StdRng::seed_from_u64(seed).fill(&mut bytes[..]);
        bytes
    }

    fn lengths(cutter: &mut Cutter, data: &[u8], piece: usize) -> Vec<usize> {
        let (mut all, mut present) = (Vec::new(), 0);
        for piece in data.chunks(piece.max(1)) {
            let mut rest = piece;
            while let Some(cut) = cutter.feed(rest) {
                all.push(present + cut);
                present = 0;
                rest = &rest[cut..];
            }
            present += rest.len();
        }
        if present > 0 {
            all.push(present);
        }
        all
    }

    fn small() -> Sizes {
        Sizes::new(256, 1024, 4096).unwrap()
    }

    #[test]
    fn the_unkeyed_table_cuts_as_the_reference_crate_does() {
        let table: [u64; 256] = fastcdc::v2020::get_gear_with_seed(0).0.into_owned().try_into().unwrap();
        let gear = Arc::new(Gear::from_table(table));
        for (sizes, level, length) in [
            (Sizes::new(256, 1024, 4096).unwrap(), fastcdc::v2020::Normalization::Level1, 300_001),
            (Sizes::new(2048, 8192, 65536).unwrap(), fastcdc::v2020::Normalization::Level2, 2_000_000),
            (Sizes::DEFAULT, fastcdc::v2020::Normalization::Level1, 24 << 20),
        ] {
            let mut data = random(length, 7);
            // A long run of equal bytes reaches the greatest length.
            data[length / 3..length / 2].fill(0);
            let (before, after) = fastcdc::v2020::select_masks(sizes.average, level);
            let oracle: Vec<usize> =
                fastcdc::v2020::FastCDC::with_level(&data, sizes.min, sizes.average, sizes.max, level)
                    .map(|chunk| chunk.length)
                    .collect();
            let mut cutter = Cutter::with_masks(Arc::clone(&gear), sizes, before, after);
            assert_eq!(lengths(&mut cutter, &data, usize::MAX), oracle);
        }
    }

    #[test]
    fn an_insertion_near_the_start_changes_few_chunks() {
        let gear = Arc::new(Gear::keyed(&[3; 32]).unwrap());
        let data = random(400_000, 1);
        let mut changed = data.clone();
        changed.splice(5_000..5_000, *b"a new guest");
        let ends = |data: &[u8]| -> std::collections::HashSet<Vec<u8>> {
            let mut at = 0;
            lengths(&mut Cutter::content(Arc::clone(&gear), small()), data, usize::MAX)
                .into_iter()
                .map(|length| {
                    at += length;
                    data[at - length..at].to_vec()
                })
                .collect()
        };
        let (old, new) = (ends(&data), ends(&changed));
        assert!(old.len() > 200, "{} chunks", old.len());
        assert!(new.difference(&old).count() <= 3);
    }

    #[test]
    fn s17_cut_points_depend_on_the_seed() {
        let data = random(400_000, 2);
        let cut = |seed: u8| {
            lengths(&mut Cutter::content(Arc::new(Gear::keyed(&[seed; 32]).unwrap()), small()), &data, usize::MAX)
        };
        assert_eq!(cut(1), cut(1));
        assert_ne!(cut(1), cut(2));
    }

    #[test]
    fn fixed_chunks_have_one_length() {
        let mut cutter = Cutter::fixed(std::num::NonZeroUsize::new(8192).unwrap());
        assert_eq!(lengths(&mut cutter, &random(20_000, 3), 777), [8192, 8192, 3616]);
        cutter.restart();
        assert_eq!(lengths(&mut cutter, &random(16_384, 3), usize::MAX), [8192, 8192]);
    }

    #[test]
    fn sizes_from_a_configuration_are_checked() {
        for (min, average, max) in [(0, 1024, 4096), (2048, 1024, 4096), (256, 1000, 4096), (256, 1024, 1 << 40)] {
            let error = Sizes::new(min, average, max).unwrap_err();
            assert!(error.to_string().contains("chunk sizes"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_move_cut_points(length in 0_usize..60_000, seed: u64, piece in 1_usize..5_000) {
            let gear = Arc::new(Gear::keyed(&[9; 32]).unwrap());
            let data = random(length, seed);
            let whole = lengths(&mut Cutter::content(Arc::clone(&gear), small()), &data, usize::MAX);
            let pieces = lengths(&mut Cutter::content(gear, small()), &data, piece);
            prop_assert_eq!(&whole, &pieces);
            prop_assert_eq!(whole.iter().sum::<usize>(), length);
            prop_assert!(whole.iter().all(|length| *length <= 4096));
            prop_assert!(whole.iter().rev().skip(1).all(|length| *length >= 256));
        }
    }
}
