//! The right edge of a tree that grows: all that is needed to add a leaf and to tell the root.

use super::{HASH_BYTES, Hash};

/// A tree of some size, as the roots of the perfect trees that it is made of, largest first: one for each binary one of the size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

/// Bytes that are no frontier of a tree of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not the frontier of a tree of that size")]
pub struct InvalidFrontier;

impl Frontier {
    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf behind the others.
    pub fn append(&mut self, leaf: Hash) {
        let mut root = leaf;
        // Each trailing one of the size is a perfect tree as large as the one that was just completed.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                root = Hash::of_node(&left, &root);
            }
        }
        self.peaks.push(root);
        self.size += 1;
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash::of_nothing() };
        peaks.fold(*last, |right, left| Hash::of_node(left, &right))
    }

    /// For keeping: its hashes, one after the other. The size is kept beside them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|peak| *peak.as_bytes()).collect()
    }

    /// The frontier of a tree of `size`, as it was kept. Whether it is the right one shows in its root.
    ///
    /// # Errors
    /// [`InvalidFrontier`] if a tree of that size has more or fewer hashes.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, InvalidFrontier> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() || u32::try_from(hashes.len()) != Ok(size.count_ones()) {
            return Err(InvalidFrontier);
        }
        Ok(Self { size, peaks: hashes.iter().copied().map(Hash::from_bytes).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{leaves, naive_root},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn every_size_has_the_root_of_the_definition() {
        let all = leaves(300);
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root(), naive_root(&[]));
        for (number, leaf) in all.iter().enumerate() {
            frontier.append(*leaf);
            assert_eq!(frontier.root(), naive_root(&all[..=number]), "{number}");
        }
        assert_eq!(frontier.size(), 300);
    }

    proptest! {
        #[test]
        fn a_kept_frontier_goes_on_where_it_was(size in 0..500_u64, more in 0..50_u64) {
            let all = leaves(size + more);
            let mut frontier = Frontier::default();
            all[..size as usize].iter().for_each(|leaf| frontier.append(*leaf));
            let bytes = frontier.to_bytes();
            prop_assert_eq!(bytes.len(), 32 * size.count_ones() as usize);
            let mut kept = Frontier::from_bytes(size, &bytes).unwrap();
            all[size as usize..].iter().for_each(|leaf| kept.append(*leaf));
            prop_assert_eq!(kept.root(), naive_root(&all));
        }

        #[test]
        fn bytes_of_another_length_are_no_frontier(size in any::<u64>(), length in 0..2100_usize) {
            let fits = length == 32 * size.count_ones() as usize;
            prop_assert_eq!(Frontier::from_bytes(size, &vec![0; length]).is_ok(), fits);
        }
    }
}
