//! A retention policy: days by class.

use crate::criticality::Criticality;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How many days a point is kept, by the highest class it ever had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Critical points, in days.
    pub critical_days: u16,
    /// High ones.
    pub high_days: u16,
    /// Medium ones.
    pub medium_days: u16,
    /// Low ones.
    pub low_days: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self { critical_days: 365, high_days: 180, medium_days: 90, low_days: 30 }
    }
}

/// A fault of a policy: the field, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("/{field}: {message}")]
pub struct InvalidPolicy {
    /// Which field.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Policy {
    /// No point is kept for less, in days.
    pub const LEAST_DAYS: u16 = 30;
    /// No policy promises more, in days: what must stay longer is held.
    pub const MOST_DAYS: u16 = 366;
    /// How long each minute's point is kept (S26), in hours, whatever its class.
    pub const MINUTE_HOURS: i64 = 24;

    /// Every fault.
    pub fn validate(&self) -> Result<(), Vec<InvalidPolicy>> {
        let mut faults = Vec::new();
        let ladder = [
            ("low_days", self.low_days),
            ("medium_days", self.medium_days),
            ("high_days", self.high_days),
            ("critical_days", self.critical_days),
        ];
        let mut before = ("low_days", 0);
        for (field, days) in ladder {
            if !(Self::LEAST_DAYS..=Self::MOST_DAYS).contains(&days) {
                let message = format!("{days} days: use {} to {}", Self::LEAST_DAYS, Self::MOST_DAYS);
                faults.push(InvalidPolicy { field, message });
            } else if days < before.1 {
                let message =
                    format!("{days} days is less than {}, {}: more critical must not mean less", before.0, before.1);
                faults.push(InvalidPolicy { field, message });
            }
            before = (field, days);
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// How long a point of this class is kept.
    pub fn keep(&self, class: Criticality) -> SignedDuration {
        let days = match class {
            Criticality::Critical => self.critical_days,
            Criticality::High => self.high_days,
            Criticality::Medium => self.medium_days,
            Criticality::Low => self.low_days,
        };
        SignedDuration::from_hours(24 * i64::from(days))
    }

    /// Whether it promises less than `other` for some class: such a change needs fresh MFA (product.md E4).
    pub fn is_weaker_than(&self, other: &Self) -> bool {
        Criticality::ALL.iter().any(|class| self.keep(*class) < other.keep(*class))
    }
}
