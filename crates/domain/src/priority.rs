//! How urgent a job is beside others (product.md B3).

use crate::{criticality::Criticality, phase::Phase};
use serde::{Deserialize, Serialize};
use std::fmt;

/// 1 to 10; 10 is most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u8")]
pub struct Priority(u8);

/// A number that is no priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a priority: use 1 to 10, 10 being most urgent")]
pub struct InvalidPriority(i64);

impl Priority {
    /// Emergency backups and restores: the lane that never waits.
    pub const EMERGENCY: Self = Self(10);
    /// Weddings in their high-priority period.
    pub const HIGH_PRIORITY_PERIOD: Self = Self(9);

    /// For scheduled work on a wedding.
    pub const fn scheduled(criticality: Criticality, phase: Phase) -> Self {
        match (phase, criticality) {
            (Phase::HighPriority, _) => Self::HIGH_PRIORITY_PERIOD,
            (_, Criticality::Critical) => Self(8),
            (_, Criticality::High) => Self(6),
            (_, Criticality::Medium) => Self(4),
            (_, Criticality::Low) => Self(2),
        }
    }

    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<i64> for Priority {
    type Error = InvalidPriority;

    fn try_from(number: i64) -> Result<Self, InvalidPriority> {
        match u8::try_from(number) {
            Ok(priority @ 1..=10) => Ok(Self(priority)),
            _ => Err(InvalidPriority(number)),
        }
    }
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_are_those_of_the_rule_and_the_period_wins() {
        let outside: Vec<u8> =
            Criticality::ALL.iter().map(|class| Priority::scheduled(*class, Phase::Before).get()).collect();
        assert_eq!(outside, [2, 4, 6, 8]);
        assert_eq!(Priority::scheduled(Criticality::Low, Phase::HighPriority), Priority::HIGH_PRIORITY_PERIOD);
        assert!(Priority::EMERGENCY > Priority::HIGH_PRIORITY_PERIOD);
    }

    #[test]
    fn only_1_to_10_are_priorities() {
        for number in 1..=10 {
            let priority = Priority::try_from(number).unwrap();
            assert_eq!(serde_json::to_string(&priority).unwrap(), number.to_string());
            assert_eq!(priority.to_string(), number.to_string());
        }
        for number in ["0", "11", "-1", "256", "9223372036854775807"] {
            assert!(serde_json::from_str::<Priority>(number).unwrap_err().to_string().contains("use 1 to 10"));
        }
    }
}
