//! The gate before points are removed: a wrong clock or policy must not empty a vault unasked (safety rule S25).

use super::{Candidate, Grade};
use crate::word::words;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When removing needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// More than this share of an organisation's points, per cent.
    pub most_percent: u8,
    /// Any point younger than this, in days.
    pub least_age_days: u16,
}

impl Default for Gate {
    fn default() -> Self {
        Self { most_percent: 10, least_age_days: 7 }
    }
}

words! {
    /// Why a person must approve.
    ApprovalReason {
        /// Too many at once.
        ManyPoints = "many_points",
        /// Some are young.
        YoungPoints = "young_points",
    }
}

/// What a cleanup of one organisation would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleanup {
    /// How many points it would remove, minute points not counted.
    pub removed: u64,
    /// Of how many.
    pub of: u64,
    /// Why it must wait for approval; none: it may go on.
    pub approval: Vec<ApprovalReason>,
}

impl Gate {
    /// Weighs a cleanup: points of an organisation, and whether each would be removed; `others` are its points beside these that stay,
    /// minute points not counted.
    ///
    /// Minute points do not count. Their promise is a day, and most points of a busy Saturday are of that kind: they would ask for
    /// approval each day, until nobody reads what they approve.
    pub fn weigh<'a>(
        &self,
        points: impl IntoIterator<Item = (&'a Candidate, bool)>,
        others: u64,
        now: Timestamp,
    ) -> Cleanup {
        let (mut removed, mut of, mut young) = (0_u64, others, false);
        let least_age = SignedDuration::from_hours(24 * i64::from(self.least_age_days));
        for (candidate, goes) in points.into_iter().filter(|(candidate, _)| candidate.promise.grade > Grade::Minute) {
            of += 1;
            removed += u64::from(goes);
            young |= goes && now.duration_since(candidate.point.captured_at) < least_age;
        }
        let many = u128::from(removed) * 100 > u128::from(of) * u128::from(self.most_percent);
        let reasons = [(many, ApprovalReason::ManyPoints), (young, ApprovalReason::YoungPoints)];
        let approval = reasons.into_iter().filter(|(applies, _)| *applies).map(|(_, reason)| reason).collect();
        Cleanup { removed, of, approval }
    }
}
