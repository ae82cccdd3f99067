//! Minute points, and the ones among them that stay (safety rule S26).
//!
//! In real time there is a point a minute. All of them are kept for a day, on the first tier only. The last one before each quarter of
//! an hour, and before each week, stays: it is the state that was true when the quarter, or the week, ended. That is known only
//! once the next capture was tried, so a point begins with the lowest grade and rises while it is the newest.

use crate::{execution::ExecutionType, frequency::Frequency, tier::Tier, word::words};
use jiff::Timestamp;

words! {
    /// How much of the past a point stands for. Ordered: a greater one is kept in more places.
    Grade {
        /// One of many in its quarter of an hour.
        Minute = "minute",
        /// The last of its quarter of an hour, or captured by itself.
        QuarterHour = "quarter_hour",
        /// The last of its week.
        Weekly = "weekly",
    }
}

const QUARTER_HOUR_SECONDS: i64 = 15 * 60;
const WEEK_SECONDS: i64 = 7 * 24 * 3600;
/// From a Thursday, the first day of Unix time, back to Monday.
const MONDAY_SECONDS: i64 = 3 * 24 * 3600;

impl Grade {
    /// The grade at capture: only what the schedule takes in real time is one of many.
    pub fn at_capture(execution: ExecutionType, frequency: Frequency) -> Self {
        match (execution, frequency) {
            (ExecutionType::Scheduled | ExecutionType::Retry, Frequency::RealTime) => Self::Minute,
            _ => Self::QuarterHour,
        }
    }

    /// The grade of a point that was captured at `captured_at` and was still the newest at `until`: when it was confirmed
    /// unchanged, or when the next one was captured.
    #[must_use]
    pub fn raised(self, captured_at: Timestamp, until: Timestamp) -> Self {
        let passes = |length: i64, shift: i64| {
            let number = |at: Timestamp| (at.as_second() + shift).div_euclid(length);
            number(captured_at) < number(until)
        };
        if passes(WEEK_SECONDS, MONDAY_SECONDS) {
            Self::Weekly
        } else if passes(QUARTER_HOUR_SECONDS, 0) {
            self.max(Self::QuarterHour)
        } else {
            self
        }
    }

    /// Whether a point of this grade is copied to `tier`. The configuration's first tier gets every point.
    pub fn goes_to(self, tier: Tier, is_first: bool) -> bool {
        is_first
            || match tier {
                Tier::Offsite => self >= Self::Weekly,
                Tier::Local | Tier::CloudPrimary | Tier::CloudSecondary => self >= Self::QuarterHour,
            }
    }
}
