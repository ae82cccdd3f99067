//! How late a run may start, how long it may take, and how long it may stand still (product.md A6).

use crate::frequency::Frequency;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Limits of a run, all in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// A run that has not started so long after it was queued lapses: it is reported, and the next one comes in its place.
    pub start_within_seconds: u32,
    /// A run that has not ended so long after its start is stopped and reported.
    pub complete_within_seconds: u32,
    /// A run without any progress for so long is stopped, reported and tried again.
    pub stall_seconds: u32,
}

impl Windows {
    /// What holds unless a configuration says otherwise. A run lapses when the next one is due anyway, for rarer ones sooner,
    /// so that somebody hears of it; the limits on running leave room for the slowest source that is still worth waiting for.
    pub const fn default_for(frequency: Frequency) -> Self {
        let (start_within_seconds, complete_within_seconds, stall_seconds) = match frequency {
            Frequency::RealTime => (60, 15 * 60, 2 * 60),
            Frequency::Hourly => (3600, 3600, 10 * 60),
            Frequency::Daily => (6 * 3600, 8 * 3600, 10 * 60),
            Frequency::Weekly => (24 * 3600, 24 * 3600, 10 * 60),
        };
        Self { start_within_seconds, complete_within_seconds, stall_seconds }
    }

    /// Judges a run at `now`.
    pub fn judge(&self, run: &Run, now: Timestamp) -> Verdict {
        let longer_than =
            |since: Timestamp, seconds: u32| now.duration_since(since) > SignedDuration::from_secs(i64::from(seconds));
        let Some(started_at) = run.started_at else {
            let lapsed = longer_than(run.queued_at, self.start_within_seconds);
            return if lapsed { Verdict::Lapsed } else { Verdict::Waiting };
        };
        let moved_at = run.progressed_at.map_or(started_at, |at| at.max(started_at));
        if longer_than(started_at, self.complete_within_seconds) {
            Verdict::Overrun
        } else if longer_than(moved_at, self.stall_seconds) {
            Verdict::Stalled
        } else {
            Verdict::Running
        }
    }
}

/// What is known of a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// When it was put into the queue; a run that makes up for missed ones counts from then, not from when it should have been.
    pub queued_at: Timestamp,
    /// When a worker began, if one has.
    pub started_at: Option<Timestamp>,
    /// When it last got anything done. A heartbeat alone is no progress.
    pub progressed_at: Option<Timestamp>,
}

/// What to think of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not started, and need not have.
    Waiting,
    /// Should have started: pass it over.
    Lapsed,
    /// As it should be.
    Running,
    /// Stands still: stop it and try again.
    Stalled,
    /// Takes too long: stop it.
    Overrun,
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    #[test]
    fn each_limit_ends_what_it_limits() {
        let windows = Windows { start_within_seconds: 60, complete_within_seconds: 600, stall_seconds: 120 };
        let zero = Timestamp::UNIX_EPOCH;
        let after = |seconds: i64| zero + seconds.seconds();
        let waiting = Run { queued_at: zero, started_at: None, progressed_at: None };
        assert_eq!(windows.judge(&waiting, after(60)), Verdict::Waiting);
        assert_eq!(windows.judge(&waiting, after(61)), Verdict::Lapsed);
        let started = Run { started_at: Some(after(30)), ..waiting };
        assert_eq!(windows.judge(&started, after(150)), Verdict::Running);
        assert_eq!(windows.judge(&started, after(151)), Verdict::Stalled);
        let moving = Run { progressed_at: Some(after(600)), ..started };
        assert_eq!(windows.judge(&moving, after(630)), Verdict::Running);
        assert_eq!(windows.judge(&moving, after(631)), Verdict::Overrun);
        let stale = Run { progressed_at: Some(after(0)), ..started };
        assert_eq!(windows.judge(&stale, after(150)), Verdict::Running);
    }

    #[test]
    fn the_defaults_let_a_stalled_run_be_found_before_it_overruns() {
        for frequency in Frequency::ALL {
            let windows = Windows::default_for(*frequency);
            assert!(windows.stall_seconds < windows.complete_within_seconds);
            assert!(i64::from(windows.start_within_seconds) <= frequency.rpo().as_secs());
        }
    }
}
