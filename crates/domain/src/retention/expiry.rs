//! Which points of a vault expire.

use super::Promise;
use crate::{PointId, point::Listed, suspect, word::words};
use jiff::Timestamp;

/// A point that may expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The point.
    pub point: Listed,
    /// What it was promised.
    pub promise: Promise,
    /// A legal hold is on it.
    pub held: bool,
    /// A restore, a rehearsal, an undo or a copy needs it now.
    pub in_use: bool,
}

words! {
    /// Why a point stays.
    Keep {
        /// Its promised time is not over.
        Promised = "promised",
        /// The newest that is not suspect, of a wedding that exists (B1, S14): it is what would be restored.
        LastClean = "last_clean",
        /// The newest that is proven (S25).
        NewestVerified = "newest_verified",
        /// A legal hold is on it.
        Held = "held",
        /// Something works with it.
        InUse = "in_use",
    }
}

/// What becomes of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It stays.
    Keep(Keep),
    /// It goes.
    Expire,
}

/// Decides for all points of one vault, in their order. `exists`: the wedding or source is still there; the last clean point of one
/// that is gone expires by its promise.
pub fn expire(points: &[Candidate], exists: bool, now: Timestamp) -> Vec<(PointId, Decision)> {
    let listed = || points.iter().map(|candidate| &candidate.point);
    let last_clean = suspect::last_clean(listed()).filter(|_| exists).map(|point| point.id);
    let verified = listed().filter(|point| point.is_verified_capture());
    let newest_verified = verified.max_by_key(|point| (point.captured_at, point.id)).map(|point| point.id);
    let decide = |candidate: &Candidate| {
        let id = Some(candidate.point.id);
        let reason = if candidate.held {
            Some(Keep::Held)
        } else if candidate.in_use {
            Some(Keep::InUse)
        } else if id == last_clean {
            Some(Keep::LastClean)
        } else if id == newest_verified {
            Some(Keep::NewestVerified)
        } else {
            (!candidate.promise.is_over(now)).then_some(Keep::Promised)
        };
        (candidate.point.id, reason.map_or(Decision::Expire, Decision::Keep))
    };
    points.iter().map(decide).collect()
}
