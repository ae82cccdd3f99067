//! Chance that is the same every time: a number drawn from an id, so that work is spread evenly without remembering
//! anything.

use jiff::SignedDuration;
use uuid::Uuid;

/// A well mixed number that belongs to an id, or to an id and an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread(u64);

impl Spread {
    /// That of an id. Neighbouring ids, as UUIDv7 makes them, get numbers that have nothing to do with each other.
    pub fn of(id: &Uuid) -> Self {
        let (high, low) = id.as_u64_pair();
        Self(mix(mix(high) ^ low))
    }

    /// Another number for the same id, for each `n` another.
    #[must_use]
    pub fn nth(self, n: u32) -> Self {
        Self(mix(self.0 ^ u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// A whole number of milliseconds from 0 up to, not including, `span`; 0 for a span of less than one.
    pub fn within(self, span: SignedDuration) -> SignedDuration {
        let millis = u64::try_from(span.as_millis()).unwrap_or(0);
        let share = (u128::from(self.0) * u128::from(millis)) >> 64;
        SignedDuration::from_millis(i64::try_from(share).unwrap_or(0))
    }
}

/// The finalizer of the SplitMix64 generator: every bit of the input reaches every bit of the output.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::uuid_v7;
    use proptest::prelude::*;

    #[test]
    fn ten_thousand_weddings_of_one_import_spread_over_the_hour() {
        let now = "2026-06-06T12:00:00Z".parse().unwrap();
        let mut minutes = [0_u32; 60];
        for count in 0..10_000_u16 {
            let mut random = [0; 10];
            random[8..].copy_from_slice(&count.to_be_bytes());
            let offset = Spread::of(&uuid_v7(now, random)).within(SignedDuration::from_hours(1));
            minutes[usize::try_from(offset.as_secs() / 60).unwrap()] += 1;
        }
        // 167 on average; a fair spread stays within five standard deviations (13 each).
        assert!(minutes.iter().all(|count| (100..235).contains(count)), "{minutes:?}");
    }

    proptest! {
        #[test]
        fn a_number_is_always_the_same_and_within_its_span(id: u128, n: u32, millis in -5..10_000_000_i64) {
            let spread = Spread::of(&Uuid::from_u128(id));
            prop_assert_eq!(spread, Spread::of(&Uuid::from_u128(id)));
            prop_assert_ne!(spread.nth(n), spread.nth(n.wrapping_add(1)));
            let span = SignedDuration::from_millis(millis);
            let found = spread.nth(n).within(span);
            prop_assert!(found >= SignedDuration::ZERO && found < span.max(SignedDuration::from_millis(1)));
        }
    }
}
