//! The gear table: 256 pseudo-random words that turn a window of bytes into a number.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::fmt;

/// A gear table. Secret: it is derived from the vault's seed.
#[derive(Clone, PartialEq, Eq)]
pub struct Gear([u64; 256]);

/// The key-derivation function refused the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunker's gear table cannot be derived from the vault's seed")]
pub struct InvalidSeed;

/// Length of the derived table in bytes: 256 words of 8 bytes, within HKDF-SHA256's limit of 8160.
struct TableLength;

impl KeyType for TableLength {
    fn len(&self) -> usize {
        256 * 8
    }
}

const SALT: &[u8] = b"keepsake chunker";
const INFO: &[u8] = b"fastcdc-1 gear table";

impl Gear {
    /// The table of one vault (safety rule S17): HKDF-SHA256 over the seed, read as 256 little-endian words.
    ///
    /// # Errors
    /// [`InvalidSeed`] if the cryptographic library refuses, which it does for no seed of this length.
    pub fn keyed(seed: &[u8; 32]) -> Result<Self, InvalidSeed> {
        let mut bytes = [0_u8; 256 * 8];
        let secret = Salt::new(HKDF_SHA256, SALT).extract(seed);
        let okm = secret.expand(&[INFO], TableLength).map_err(|_| InvalidSeed)?;
        okm.fill(&mut bytes).map_err(|_| InvalidSeed)?;
        let mut table = [0_u64; 256];
        for (word, bytes) in table.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(Self(table))
    }

    /// A given table, to compare this implementation with another's.
    pub const fn from_table(table: [u64; 256]) -> Self {
        Self(table)
    }

    /// The word of one byte.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "a byte cannot exceed the table of 256 words")]
    pub(crate) fn word(&self, byte: u8) -> u64 {
        self.0[usize::from(byte)]
    }
}

impl fmt::Debug for Gear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gear(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s17_each_seed_has_its_own_table_and_the_table_never_changes() {
        let one = Gear::keyed(&[1; 32]).unwrap();
        assert_ne!(one, Gear::keyed(&[2; 32]).unwrap());
        // Golden: a changed derivation would end deduplication in every vault there is.
        assert_eq!(one.0[0], 13_787_926_309_678_492_087);
        assert_eq!(format!("{one:?}"), "Gear(redacted)");
    }
}
