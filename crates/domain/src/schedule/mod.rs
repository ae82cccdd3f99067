//! When the next run of a configuration is, and what to do about runs that were missed (product.md A6).
//!
//! Runs are not remembered but computed: the same schedule, spread and time give the same answer on every node. A queue
//! that is full, a lease that ran out or a failure are no matters of the schedule; see `job` and `backoff`.

mod cron;
mod urgency;
mod windows;

pub use cron::{CRON_JITTER, Cron, InvalidCron};
pub use urgency::Urgency;
pub use windows::{Run, Verdict, Windows};

use crate::{frequency::Frequency, spread::Spread, wedding::Zone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When a configuration runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// By a wedding's effective frequency, or by one chosen for the whole source.
    Frequency {
        /// How often.
        frequency: Frequency,
    },
    /// Every so many seconds.
    Interval {
        /// The pause from one start to the next, in seconds.
        seconds: Interval,
    },
    /// By the calendar.
    Cron {
        /// When, in five fields.
        expression: Cron,
        /// Where that time is meant.
        time_zone: Zone,
    },
}

/// Seconds between two starts: from a minute to 31 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Interval(u32);

/// An interval that is no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} seconds is no interval to back up in: use 60 (a minute) to 2678400 (31 days)")]
pub struct InvalidInterval(u32);

impl TryFrom<u32> for Interval {
    type Error = InvalidInterval;

    fn try_from(seconds: u32) -> Result<Self, InvalidInterval> {
        if (60..=31 * 86_400).contains(&seconds) { Ok(Self(seconds)) } else { Err(InvalidInterval(seconds)) }
    }
}

impl From<Interval> for u32 {
    fn from(interval: Interval) -> Self {
        interval.0
    }
}

/// A run that should have started by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// The latest time at which it should have started. This one run makes up for all that were missed before it.
    pub scheduled_at: Timestamp,
    /// How many runs before it never started. Counting ends at [`Due::MOST_COUNTED`].
    pub missed: u64,
}

impl Due {
    /// Missed runs beyond this are not counted.
    pub const MOST_COUNTED: u64 = 10_000;
}

impl Schedule {
    /// Pauses looked at to find the longest of a calendar.
    pub const PAUSES: usize = 100;

    /// The first run after `after`; `None` if the calendar ends before it.
    ///
    /// Runs by frequency and interval lie on a grid that begins at a time of its own for each `spread`, so that ten thousand do not
    /// start together. Give the spread of what is captured in one pass: that of the source for its weddings (S11), else that of the
    /// configuration. Runs by cron keep their time and are only moved by up to [`CRON_JITTER`].
    pub fn next_after(&self, spread: Spread, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { expression, time_zone } => expression.next_after(time_zone, spread, after),
            Self::Frequency { frequency } => grid_after(frequency.rpo(), spread, after),
            Self::Interval { seconds } => grid_after(SignedDuration::from_secs(seconds.0.into()), spread, after),
        }
    }

    /// The run that is due at `now`, if the last one that was started (or passed over) was scheduled at `last`, or the
    /// configuration came to be then. After a downtime all that were missed are made up by this one.
    pub fn due(&self, spread: Spread, last: Timestamp, now: Timestamp) -> Option<Due> {
        let mut scheduled_at = self.next_after(spread, last).filter(|at| *at <= now)?;
        let latest = self.latest_at(spread, now).unwrap_or(scheduled_at);
        let mut missed = 0;
        while scheduled_at < latest && missed < Due::MOST_COUNTED {
            scheduled_at = self.next_after(spread, scheduled_at)?;
            missed += 1;
        }
        Some(Due { scheduled_at: latest, missed })
    }

    /// The longest pause between two runs from `now` on; for the calendar, among the next [`Self::PAUSES`] ones. `None` if there are
    /// not two runs to come.
    pub fn longest_pause(&self, spread: Spread, now: Timestamp) -> Option<SignedDuration> {
        match self {
            Self::Frequency { frequency } => Some(frequency.rpo()),
            Self::Interval { seconds } => Some(SignedDuration::from_secs(seconds.0.into())),
            Self::Cron { .. } => {
                let mut last = self.next_after(spread, now)?;
                let pauses = std::iter::from_fn(|| {
                    let next = self.next_after(spread, last)?;
                    let pause = next.duration_since(last);
                    last = next;
                    Some(pause)
                });
                pauses.take(Self::PAUSES).max()
            }
        }
    }

    /// The last run at or before `now`.
    fn latest_at(&self, spread: Spread, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Cron { expression, time_zone } => expression.latest_at(time_zone, spread, now),
            Self::Frequency { frequency } => grid_at(frequency.rpo(), spread, now),
            Self::Interval { seconds } => grid_at(SignedDuration::from_secs(seconds.0.into()), spread, now),
        }
    }
}

/// The first point after `after` of a grid with this period, which begins at a time of the spread's own.
fn grid_after(period: SignedDuration, spread: Spread, after: Timestamp) -> Option<Timestamp> {
    grid_at(period, spread, after)?.checked_add(period).ok()
}

/// The last point at or before `at` of that grid.
fn grid_at(period: SignedDuration, spread: Spread, at: Timestamp) -> Option<Timestamp> {
    let period = i64::try_from(period.as_millis()).ok()?;
    let offset = i64::try_from(spread.within(SignedDuration::from_millis(period)).as_millis()).ok()?;
    let since = at.as_nanosecond().div_euclid(1_000_000) - i128::from(offset);
    let position = i64::try_from(since.div_euclid(i128::from(period))).ok()?;
    Timestamp::from_millisecond(position * period + offset).ok()
}

#[cfg(test)]
mod tests;
