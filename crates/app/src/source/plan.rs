//! When a wedding is captured next, once something about it has changed.

use jiff::Timestamp;
use keepsake_catalog::weddings::Wedding;
use keepsake_domain::{Protection, SourceId, Spread, schedule::Schedule};

/// The next run of a wedding that is now to be protected as `protection` says. One without a point, or that has come back, is due
/// at once. A higher frequency brings its run forward, a lower one puts it off, and the same leaves it where it is. A wedding
/// that is gone is not captured.
pub(crate) fn next_run(known: &Wedding, protection: &Protection, gone: bool, now: Timestamp) -> Option<Timestamp> {
    if gone {
        return None;
    }
    let Some(planned) = known.next_run_at.filter(|_| known.last_point_at.is_some()) else {
        return Some(known.next_run_at.map_or(now, |planned| planned.min(now)));
    };
    if protection.frequency == known.protection.frequency {
        return Some(planned);
    }
    let next = on_grid(protection, known.source, now);
    Some(if protection.frequency > known.protection.frequency { planned.min(next) } else { next })
}

/// All weddings of a source run on one grid, so that those that are due are captured in one pass (S11).
pub(crate) fn on_grid(protection: &Protection, source: SourceId, now: Timestamp) -> Timestamp {
    let schedule = Schedule::Frequency { frequency: protection.frequency };
    schedule.next_after(Spread::of(source.as_uuid()), now).unwrap_or(now)
}
