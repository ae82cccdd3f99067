//! Whether a change of a configuration protects less: such a change needs a fresh second factor (product.md E4).

use super::{Document, Scope};
use crate::{Spread, retention::Policy};
use jiff::Timestamp;
use uuid::Uuid;

impl Scope {
    /// Whether all that is in `other` is in this, too.
    fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::WeddingsByRule { criticality: these }, Self::WeddingsByRule { criticality: those }) => {
                these.is_empty() || (!those.is_empty() && those.iter().all(|class| these.contains(class)))
            }
            // A wedding's class changes with time: only a rule for all of them is sure to have it.
            (Self::WeddingsByRule { criticality }, Self::Wedding { .. }) => criticality.is_empty(),
            (one, other) => one == other,
        }
    }
}

impl Document {
    /// Whether it protects less than `before`: it is switched off, something is in it no more, it runs less often or is given up
    /// sooner, is less urgent, or its points are kept for less time. `kept` are the days of each, in the same order.
    pub fn is_weaker_than(&self, before: &Self, kept: [&Policy; 2], now: Timestamp) -> bool {
        if !before.enabled {
            // It protected nothing; what it says counts from when it is switched on.
            return kept[0].is_weaker_than(kept[1]);
        }
        let off = !self.enabled;
        let other = self.source_id != before.source_id || !self.scope.contains(&before.scope);
        let less_urgent = before.is_wedding_critical && !self.is_wedding_critical;
        off || other || less_urgent || self.runs_less(before, now) || kept[0].is_weaker_than(kept[1])
    }

    fn runs_less(&self, before: &Self, now: Timestamp) -> bool {
        let spread = Spread::of(&Uuid::nil());
        let pause = |document: &Self| document.schedule.as_ref()?.longest_pause(spread, now);
        let rarer = match (pause(self), pause(before)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(after), Some(before)) => after > before,
        };
        let sooner = [
            (self.windows.start_within_seconds, before.windows.start_within_seconds),
            (self.windows.complete_within_seconds, before.windows.complete_within_seconds),
            (self.windows.stall_seconds, before.windows.stall_seconds),
        ];
        let is_sooner = |(after, before): &(Option<u32>, Option<u32>)| match (after, before) {
            (Some(after), Some(before)) => after < before,
            (Some(_), None) => true,
            (None, _) => false,
        };
        rarer || sooner.iter().any(is_sooner)
    }
}
