//! The order-independent hash of a capture's rows (docs/format/capture.md) as a sum that rows can also be taken from, so
//! that what a table must look like afterwards is known without holding it. It equals `capture::RowHasher`.

use super::row::Line;
use aws_lc_rs::digest::{SHA256, digest};

/// The sum over a set of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sum {
    words: [u64; 4],
    pub rows: u64,
}

impl Sum {
    /// Adds a row.
    pub fn add(&mut self, line: &Line) {
        let mut carry = false;
        for (word, term) in self.words.iter_mut().zip(hash(line)) {
            let (sum, over) = word.overflowing_add(term);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, over || again);
        }
        self.rows = self.rows.wrapping_add(1);
    }

    /// Takes a row away that was added before.
    pub fn remove(&mut self, line: &Line) {
        let mut borrow = false;
        for (word, term) in self.words.iter_mut().zip(hash(line)) {
            let (rest, under) = word.overflowing_sub(term);
            let (rest, again) = rest.overflowing_sub(u64::from(borrow));
            (*word, borrow) = (rest, under || again);
        }
        self.rows = self.rows.wrapping_sub(1);
    }

    /// The hash as a manifest writes it.
    pub fn hex(&self) -> String {
        self.words.iter().rev().map(|word| format!("{word:016x}")).collect()
    }
}

/// The digest as words, least significant first.
fn hash(line: &Line) -> [u64; 4] {
    let digest = digest(&SHA256, line.bytes());
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(digest.as_ref().rchunks_exact(8)) {
        *word = bytes.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_hash_of_a_capture(rows in proptest::collection::vec("[a-c]{0,3}", 0..20)) {
            let (mut ours, mut theirs) = (Sum::default(), crate::capture::RowHasher::new());
            for row in &rows {
                ours.add(&Line::new(row.as_bytes()));
                theirs.add(row.as_bytes());
            }
            prop_assert_eq!(ours.hex(), theirs.hex());
        }

        #[test]
        fn order_does_not_matter_and_removal_undoes_addition(rows in proptest::collection::vec("[a-c]{0,3}", 0..20)) {
            let lines: Vec<Line> = rows.iter().map(|row| Line::new(row.as_bytes())).collect();
            let (mut forward, mut backward) = (Sum::default(), Sum::default());
            lines.iter().for_each(|line| forward.add(line));
            lines.iter().rev().for_each(|line| backward.add(line));
            prop_assert_eq!(forward, backward);
            lines.iter().for_each(|line| forward.remove(line));
            prop_assert_eq!(forward, Sum::default());
        }

        #[test]
        fn another_row_is_another_sum(one in "[a-z]{1,9}", other in "[a-z]{1,9}") {
            prop_assume!(one != other);
            let (mut a, mut b) = (Sum::default(), Sum::default());
            a.add(&Line::new(one.as_bytes()));
            b.add(&Line::new(other.as_bytes()));
            prop_assert_ne!(a, b);
        }
    }
}
