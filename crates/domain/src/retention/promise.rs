//! The promise that a point carries (safety rule S25).

use super::{Grade, Policy};
use crate::criticality::Criticality;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When a point was captured, by both clocks that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// By Keepsake's.
    pub catalog_at: Timestamp,
    /// By the store's, if it says when it got the snapshot.
    pub storage_at: Option<Timestamp>,
}

impl Taken {
    /// Clocks further apart than this raise an alarm.
    pub const MOST_SKEW: SignedDuration = SignedDuration::from_mins(5);

    /// The time that its age counts from: the later, so that a clock that was slow shortens nothing.
    pub fn at(&self) -> Timestamp {
        self.storage_at.map_or(self.catalog_at, |at| at.max(self.catalog_at))
    }

    /// Whether the clocks are too far apart to be believed.
    pub fn is_skewed(&self) -> bool {
        self.storage_at.is_some_and(|at| at.duration_since(self.catalog_at).abs() > Self::MOST_SKEW)
    }
}

/// What a point was promised. Only ever grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The highest class it ever had.
    pub class: Criticality,
    /// The highest grade it ever had.
    pub grade: Grade,
    /// It is kept at least until then.
    pub keep_until: Timestamp,
}

impl Promise {
    /// The promise at capture.
    pub fn at_capture(taken: &Taken, class: Criticality, grade: Grade, policy: &Policy) -> Self {
        Self { class, grade, keep_until: keep_until(taken, class, grade, policy) }
    }

    /// The promise after the wedding's class, the point's grade or the policy changed. Whatever they say now, nothing gets
    /// less; lowering it is an act of its own.
    #[must_use]
    pub fn raised(self, taken: &Taken, class: Criticality, grade: Grade, policy: &Policy) -> Self {
        let (class, grade) = (self.class.max(class), self.grade.max(grade));
        Self { class, grade, keep_until: self.keep_until.max(keep_until(taken, class, grade, policy)) }
    }

    /// Whether the promised time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.keep_until <= now
    }
}

fn keep_until(taken: &Taken, class: Criticality, grade: Grade, policy: &Policy) -> Timestamp {
    let keep = match grade {
        Grade::Minute => SignedDuration::from_hours(Policy::MINUTE_HOURS),
        Grade::QuarterHour | Grade::Weekly => policy.keep(class),
    };
    taken.at().checked_add(keep).unwrap_or(Timestamp::MAX)
}
