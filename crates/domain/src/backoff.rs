//! When a failed job is tried again, and when it is given up (product.md A7).

use crate::spread::Spread;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Doubling pauses with jitter, capped, and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backoff {
    /// The longest pause after the first failure, in milliseconds.
    pub first_ms: u32,
    /// No pause is longer, in milliseconds.
    pub cap_ms: u32,
    /// After so many failed attempts the job is dead; at least 1.
    pub most_attempts: u32,
}

impl Default for Backoff {
    /// Tried for about two hours: long enough for a failover of a database or an outage of a store, short enough to be told the same day.
    fn default() -> Self {
        Self { first_ms: 5_000, cap_ms: 15 * 60_000, most_attempts: 16 }
    }
}

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again after this pause.
    After(SignedDuration),
    /// Give up and tell somebody.
    Dead,
}

impl Backoff {
    /// What follows when `failed` attempts have failed (1 after the first). The pause is between half and the whole of
    /// `first * 2^(failed - 1)`, so that jobs that failed together do not come back together.
    pub fn after(&self, failed: u32, spread: Spread) -> Retry {
        if failed >= self.most_attempts {
            return Retry::Dead;
        }
        let doublings = failed.saturating_sub(1).min(32);
        let whole = (u64::from(self.first_ms) << doublings).min(u64::from(self.cap_ms));
        let half = SignedDuration::from_millis(i64::try_from(whole / 2).unwrap_or(i64::MAX));
        Retry::After(half + spread.nth(failed).within(half + SignedDuration::from_millis(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    #[test]
    fn the_default_gives_up_after_hours_not_minutes_or_days() {
        let backoff = Backoff::default();
        let spread = Spread::of(&Uuid::from_u128(3));
        let mut total = SignedDuration::ZERO;
        for failed in 1.. {
            match backoff.after(failed, spread) {
                Retry::After(pause) => total += pause,
                Retry::Dead => break,
            }
        }
        assert!((1..4).contains(&total.as_hours()), "{total}");
    }

    #[test]
    fn jobs_that_failed_together_do_not_come_back_together() {
        let pause = |id| match Backoff::default().after(3, Spread::of(&Uuid::from_u128(id))) {
            Retry::After(pause) => pause.as_secs(),
            Retry::Dead => unreachable!("the third of sixteen attempts"),
        };
        let mut returning = [0_u32; 21];
        (0..1000).for_each(|id| returning[usize::try_from(pause(id)).unwrap()] += 1);
        // 10 to 20 seconds: about a hundred in each.
        assert!(returning[10..20].iter().all(|jobs| (60..140).contains(jobs)), "{returning:?}");
    }

    proptest! {
        #[test]
        fn pauses_double_within_their_bounds_until_the_end(id: u128, first_ms in 1..100_000_u32, cap_ms in 1..10_000_000_u32, most_attempts in 1..60_u32) {
            let backoff = Backoff { first_ms, cap_ms, most_attempts };
            let spread = Spread::of(&Uuid::from_u128(id));
            for failed in 1..most_attempts {
                let Retry::After(pause) = backoff.after(failed, spread) else {
                    return Err(TestCaseError::fail("gave up too early"));
                };
                let whole = f64::from(first_ms) * 2_f64.powi(i32::try_from(failed).unwrap() - 1);
                let whole = whole.min(f64::from(cap_ms));
                let millis = pause.as_millis() as f64;
                prop_assert!(millis >= (whole / 2.0).floor() && millis <= whole, "{millis} of {whole}");
            }
            prop_assert_eq!(backoff.after(most_attempts, spread), Retry::Dead);
            prop_assert_eq!(backoff.after(u32::MAX, spread), Retry::Dead);
        }
    }
}
