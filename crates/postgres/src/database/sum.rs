//! Hash of a table's rows that does not depend on their order.

use aws_lc_rs::digest::{SHA256, digest};

/// Sum modulo 2^256 of the SHA-256 of every row, a row being a line of COPY text with its line feed.
#[derive(Debug, Clone, Default)]
pub(super) struct RowHasher {
    sum: [u64; 4],
    rows: u64,
}

impl RowHasher {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds one row.
    pub(super) fn add(&mut self, row: &[u8]) {
        let hash = digest(&SHA256, row);
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(hash.as_ref().as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        self.add_words(words, 1);
    }

    /// Adds what another counted.
    pub(super) fn merge(&mut self, other: &Self) {
        self.add_words(other.sum, other.rows);
    }

    fn add_words(&mut self, words: [u64; 4], rows: u64) {
        let mut carry = false;
        for (mine, theirs) in self.sum.iter_mut().zip(words) {
            let (sum, over) = mine.overflowing_add(theirs);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            *mine = sum;
            carry = over || again;
        }
        self.rows += rows;
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The hash, hex.
    pub(super) fn finish(&self) -> String {
        hex::encode(self.sum.map(u64::to_le_bytes).concat())
    }
}
