//! How often a wedding is captured, and so how much may be lost (product.md B3).

use crate::{
    phase::Phase,
    wedding::{DateRules, Proximity},
    word::words,
};
use jiff::SignedDuration;

words! {
    /// How often. Ordered: a greater one captures more often.
    Frequency {
        /// Once in 7 days.
        Weekly = "weekly",
        /// Once in 24 hours.
        Daily = "daily",
        /// Once an hour.
        Hourly = "hourly",
        /// Every minute in which something changed.
        RealTime = "real_time",
    }
}

impl Frequency {
    /// The frequency by distance alone. Every distance has exactly one.
    pub fn at(proximity: Proximity, phase: Phase, rules: &DateRules) -> Self {
        let within = |before, after| proximity.is_within(before, after);
        match (phase, proximity) {
            (Phase::HighPriority, _) => Self::RealTime,
            (_, Proximity::Before(_)) if within(rules.hourly_days_before, 0) => Self::Hourly,
            (_, Proximity::Before(_) | Proximity::After(_))
                if within(rules.daily_days_before, rules.daily_days_after) =>
            {
                Self::Daily
            }
            _ => Self::Weekly,
        }
    }

    /// One step more often; real time stays.
    #[must_use]
    pub const fn promoted(self) -> Self {
        match self {
            Self::Weekly => Self::Daily,
            Self::Daily => Self::Hourly,
            Self::Hourly | Self::RealTime => Self::RealTime,
        }
    }

    /// The recovery point objective: how much time of changes may be lost. Also the interval between two runs.
    pub const fn rpo(self) -> SignedDuration {
        SignedDuration::from_secs(match self {
            Self::Weekly => 7 * 24 * 3600,
            Self::Daily => 24 * 3600,
            Self::Hourly => 3600,
            Self::RealTime => 60,
        })
    }

    /// The word for runs with this pause between two: the rarest that is not rarer. A day on which the clocks change may have 25
    /// hours. `None` if they are rarer than weekly.
    pub fn of_pause(pause: SignedDuration) -> Option<Self> {
        Self::ALL.iter().copied().rev().find(|frequency| pause <= frequency.rpo().saturating_add(frequency.rpo() / 24))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase::Reach;

    #[test]
    fn frequencies_change_on_the_days_of_the_rule() {
        let rules = DateRules::default();
        let at = |proximity| {
            let reach = Reach { days_before: 7, days_after: 1 };
            Frequency::at(proximity, Phase::at(proximity, reach), &rules)
        };
        use Frequency::{Daily, Hourly, RealTime, Weekly};
        let before = [7, 8, 30, 31, 180, 181].map(|days| at(Proximity::Before(days)));
        assert_eq!(before, [RealTime, Hourly, Hourly, Daily, Daily, Weekly]);
        let after = [1, 2, 30, 31].map(|days| at(Proximity::After(days)));
        assert_eq!(after, [RealTime, Daily, Daily, Weekly]);
        assert_eq!([at(Proximity::During), at(Proximity::Undated)], [RealTime, Weekly]);
    }

    #[test]
    fn promotion_is_one_step_and_ends_at_real_time() {
        let promoted: Vec<Frequency> = Frequency::ALL.iter().map(|frequency| frequency.promoted()).collect();
        assert_eq!(promoted, [Frequency::Daily, Frequency::Hourly, Frequency::RealTime, Frequency::RealTime]);
    }

    #[test]
    fn a_pause_has_the_word_of_those_that_lose_no_less() {
        let word = |seconds| Frequency::of_pause(SignedDuration::from_secs(seconds)).map(Frequency::name);
        assert_eq!([60, 61, 120, 3600].map(word), ["real_time", "real_time", "hourly", "hourly"].map(Some));
        assert_eq!([7200, 86_400, 25 * 3600].map(word), [Some("daily"); 3]);
        assert_eq!([26 * 3600, 7 * 86_400, 9 * 86_400].map(word), [Some("weekly"), Some("weekly"), None]);
    }

    #[test]
    fn more_often_means_less_to_lose() {
        let seconds: Vec<i64> = Frequency::ALL.iter().map(|frequency| frequency.rpo().as_secs()).collect();
        assert_eq!(seconds, [604_800, 86_400, 3600, 60]);
    }
}
