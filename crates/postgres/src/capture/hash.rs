//! The order-independent hash of a table's rows (docs/format/capture.md).

use aws_lc_rs::digest::{SHA256, digest};

/// Adds up rows: the sum, modulo 2^256, of the SHA-256 of each row's COPY text line without its newline. Rows may come in any
/// order and in several parts; a repeated row counts twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowHasher {
    /// 64-bit limbs, least significant first.
    sum: [u64; 4],
    rows: u64,
}

impl RowHasher {
    /// No rows yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one row: its COPY text line, without the newline.
    pub fn add(&mut self, line: &[u8]) {
        let hash = digest(&SHA256, line);
        let mut limbs = [0_u64; 4];
        for (limb, bytes) in limbs.iter_mut().zip(hash.as_ref().rchunks_exact(8)) {
            *limb = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        self.add_limbs(limbs);
        self.rows += 1;
    }

    /// Adds the rows that another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.add_limbs(other.sum);
        self.rows += other.rows;
    }

    fn add_limbs(&mut self, limbs: [u64; 4]) {
        let mut carry = false;
        for (sum, limb) in self.sum.iter_mut().zip(limbs) {
            let (partial, first) = sum.overflowing_add(limb);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            *sum = total;
            carry = first || second;
        }
    }

    /// How many rows were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The hash: 64 hexadecimal digits, most significant first. All zeros for no rows.
    pub fn hex(&self) -> String {
        self.sum.iter().rev().map(|limb| format!("{limb:016x}")).collect()
    }
}

/// The hash over several tables: SHA-256, hex, of `name:rows:hash\n` lines in order of the tables' names as text.
pub fn scope_hash<'a>(tables: impl IntoIterator<Item = &'a super::TableEntry>) -> String {
    let mut lines: Vec<(String, u64, &str)> =
        tables.into_iter().map(|table| (table.name.to_string(), table.rows, table.hash.as_str())).collect();
    lines.sort_unstable();
    let text: String = lines.iter().map(|(name, rows, hash)| format!("{name}:{rows}:{hash}\n")).collect();
    hex::encode(digest(&SHA256, text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(rows: &[Vec<u8>]) -> RowHasher {
        let mut hasher = RowHasher::new();
        rows.iter().for_each(|row| hasher.add(row));
        hasher
    }

    #[test]
    fn one_row_is_its_sha_256_and_two_equal_rows_are_twice_that() {
        let one = of(&[b"1\tAnna".to_vec()]);
        assert_eq!(one.hex(), hex::encode(digest(&SHA256, b"1\tAnna")));
        assert_eq!(RowHasher::new().hex(), "0".repeat(64));
        let two = of(&[b"1\tAnna".to_vec(), b"1\tAnna".to_vec()]);
        assert_ne!(two.hex(), one.hex());
        assert_eq!(two.rows(), 2);
    }

    #[test]
    fn the_sum_carries_over_all_limbs_and_wraps() {
        let mut hasher = RowHasher { sum: [u64::MAX; 4], rows: 0 };
        hasher.add_limbs([1, 0, 0, 0]);
        assert_eq!(hasher.sum, [0; 4]);
        hasher.add_limbs([u64::MAX, u64::MAX, 0, 0]);
        hasher.add_limbs([1, 0, 0, 0]);
        assert_eq!(hasher.sum, [0, 0, 1, 0]);
    }

    proptest! {
        #[test]
        fn order_and_parts_do_not_matter(rows in proptest::collection::vec(any::<Vec<u8>>(), 0..20), cut in 0..20_usize) {
            let whole = of(&rows);
            let mut reversed = rows.clone();
            reversed.reverse();
            prop_assert_eq!(of(&reversed), whole);
            let (left, right) = rows.split_at(cut.min(rows.len()));
            let mut merged = of(right);
            merged.merge(&of(left));
            prop_assert_eq!(merged, whole);
        }
    }
}
