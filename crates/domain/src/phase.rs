//! In which part of its life a wedding is: ahead, in its high-priority period, or past (product.md B1).

use crate::{
    wedding::{Days, Proximity, Zone},
    word::words,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

words! {
    /// The parts of a wedding's life. Each moment belongs to exactly one.
    Phase {
        /// No date is known, or the wedding was called off.
        Undated = "undated",
        /// Ahead of the high-priority period.
        Before = "before",
        /// The days around the wedding.
        HighPriority = "high_priority",
        /// Past the high-priority period.
        After = "after",
    }
}

/// How many days the high-priority period reaches to each side of the wedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Days before the first day.
    pub days_before: u16,
    /// Days after the last day.
    pub days_after: u16,
}

impl Phase {
    /// The phase at a distance.
    pub fn at(proximity: Proximity, reach: Reach) -> Self {
        match proximity {
            Proximity::Undated => Self::Undated,
            _ if proximity.is_within(reach.days_before, reach.days_after) => Self::HighPriority,
            Proximity::Before(_) | Proximity::During => Self::Before,
            Proximity::After(_) => Self::After,
        }
    }
}

/// A span of time, its end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    /// The first moment in it.
    pub from: Timestamp,
    /// The first moment past it.
    pub until: Timestamp,
}

impl Period {
    /// The high-priority period: from the venue's midnight that begins its first day to the one that ends its last.
    pub fn high_priority(days: &Days, reach: Reach, zone: &Zone) -> Self {
        Self::around(days, i32::from(reach.days_before), i32::from(reach.days_after), zone)
    }

    /// Whole days of the venue: from so many before the first day to so many after the last.
    pub(crate) fn around(days: &Days, before: i32, after: i32, zone: &Zone) -> Self {
        Self { from: days.from_first(-before, zone), until: days.from_last(after + 1, zone) }
    }

    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}
