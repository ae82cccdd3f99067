//! Which of several due runs goes first, after a downtime and on every tick.

use crate::priority::Priority;
use jiff::Timestamp;
use std::cmp::Reverse;

/// Sorts runs: the most urgent first, and among equals the one that waits longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency {
    priority: Reverse<Priority>,
    scheduled_at: Timestamp,
}

impl Urgency {
    /// That of a run with this priority that should have started at `scheduled_at`.
    pub const fn new(priority: Priority, scheduled_at: Timestamp) -> Self {
        Self { priority: Reverse(priority), scheduled_at }
    }
}
