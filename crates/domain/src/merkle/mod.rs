//! Merkle trees as RFC 6962 has them: which hash stands for a list of records, and short proofs about it.
//!
//! A tree of `n` leaves has one root. Whoever holds a root can be shown that a record is in the tree ([`inclusion`]) and that
//! a later tree is the earlier one with more behind it ([`consistency`]), with some twenty hashes for a million records. A log
//! that grows keeps a [`Frontier`]: as many hashes as its size has binary ones, whatever its length.
//!
//! SHA-256 over bytes and nothing else. Where leaves are stored, how roots are signed and what a record is, is left to others.

pub mod consistency;
mod frontier;
pub mod inclusion;

pub use frontier::{Frontier, InvalidFrontier};

use aws_lc_rs::digest::{Context, SHA256};
use std::fmt;

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// What tells a leaf from an inner node, so that neither can be passed off as the other.
const LEAF_PREFIX: u8 = 0;
const NODE_PREFIX: u8 = 1;

/// The hash of a leaf, of an inner node, or of a whole tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// The hash of these bytes, which are one.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The same, if there are as many bytes as a hash has.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// The root of the tree without leaves.
    pub fn of_nothing() -> Self {
        Self::of(&[])
    }

    /// The hash of a record as a leaf.
    pub fn of_leaf(record: &[u8]) -> Self {
        Self::of(&[&[LEAF_PREFIX], record])
    }

    /// The hash of an inner node.
    pub fn of_node(left: &Self, right: &Self) -> Self {
        Self::of(&[&[NODE_PREFIX], &left.0, &right.0])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        for part in parts {
            context.update(part);
        }
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// Where a tree of `size` leaves, at least two, divides: the left part has the largest power of two below `size`.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The root by the letter of RFC 6962, section 2.1.
    pub fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of_nothing(),
            [leaf] => *leaf,
            _ => {
                let mut left = 1;
                while left * 2 < leaves.len() {
                    left *= 2;
                }
                Hash::of_node(&naive_root(&leaves[..left]), &naive_root(&leaves[left..]))
            }
        }
    }

    /// `count` leaves that differ from each other.
    pub fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| Hash::of_leaf(&number.to_be_bytes())).collect()
    }

    /// The roots of ranges of leaves, as a proof wants them.
    pub fn roots(leaves: &[Hash], ranges: Vec<std::ops::Range<u64>>) -> Vec<Hash> {
        ranges.into_iter().map(|range| naive_root(&leaves[range.start as usize..range.end as usize])).collect()
    }

    #[test]
    fn the_roots_that_everybody_knows() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::of_nothing().to_string(), empty, "SHA-256 of nothing");
        // The leaf of an empty record, and the tree of eight records that implementations of Certificate Transparency test with.
        let leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        assert_eq!(Hash::of_leaf(b"").to_string(), leaf);
        let records: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> = records.iter().map(|record| Hash::of_leaf(record)).collect();
        let known = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328";
        assert_eq!(naive_root(&leaves).to_string(), known);
    }

    #[test]
    fn a_node_is_no_leaf() {
        let [left, right] = [Hash::of_leaf(b"a"), Hash::of_leaf(b"b")];
        let both = [left.as_bytes().as_slice(), right.as_bytes()].concat();
        assert_ne!(Hash::of_node(&left, &right), Hash::of_leaf(&both));
        assert_ne!(Hash::of_node(&left, &right), Hash::of_node(&right, &left));
    }

    #[test]
    fn a_tree_divides_at_the_largest_power_of_two_below_its_size() {
        let parts: Vec<u64> = (2..=9).map(split).collect();
        assert_eq!(parts, [1, 2, 2, 4, 4, 4, 4, 8]);
        assert_eq!(split(u64::MAX), 1 << 63);
    }
}
