//! How bad it would be to lose changes of a wedding now, by the distance from its day (product.md B1).

use crate::{
    wedding::{DateRules, Proximity},
    word::words,
};

words! {
    /// The class of a wedding, and of a recovery point taken of it. Ordered: a greater one is more critical.
    Criticality {
        /// Far from the day.
        Low = "low",
        /// Some months from the day, within a year after it, or without a date.
        Medium = "medium",
        /// Some weeks from the day.
        High = "high",
        /// Days from the day.
        Critical = "critical",
    }
}

impl Criticality {
    /// The class by distance alone. Every distance has exactly one.
    pub fn at(proximity: Proximity, rules: &DateRules) -> Self {
        if proximity == Proximity::Undated {
            Self::Medium
        } else if proximity.is_within(rules.critical_days_before, rules.critical_days_after) {
            Self::Critical
        } else if proximity.is_within(rules.high_days_before, rules.high_days_after) {
            Self::High
        } else if proximity.is_within(rules.medium_days_before, rules.medium_days_after) {
            Self::Medium
        } else {
            Self::Low
        }
    }

    /// How far from the day this class reaches, before and after; `None` for [`Self::Low`], which has no end.
    pub(crate) fn reach(self, rules: &DateRules) -> Option<(u16, u16)> {
        match self {
            Self::Critical => Some((rules.critical_days_before, rules.critical_days_after)),
            Self::High => Some((rules.high_days_before, rules.high_days_after)),
            Self::Medium => Some((rules.medium_days_before, rules.medium_days_after)),
            Self::Low => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_ends_on_its_own_day() {
        let rules = DateRules::default();
        let before = |days| Criticality::at(Proximity::Before(days), &rules);
        let after = |days| Criticality::at(Proximity::After(days), &rules);
        assert_eq!([14, 15, 30, 31, 90, 91].map(before), {
            use Criticality::{Critical, High, Low, Medium};
            [Critical, High, High, Medium, Medium, Low]
        });
        assert_eq!([7, 8, 30, 31, 365, 366].map(after), {
            use Criticality::{Critical, High, Low, Medium};
            [Critical, High, High, Medium, Medium, Low]
        });
        assert_eq!(Criticality::at(Proximity::During, &rules), Criticality::Critical);
        assert_eq!(Criticality::at(Proximity::Undated, &rules), Criticality::Medium);
    }

    #[test]
    fn the_reach_of_a_class_is_where_it_ends() {
        let rules = DateRules::default();
        for class in [Criticality::Critical, Criticality::High, Criticality::Medium] {
            let (before, after) = class.reach(&rules).unwrap();
            for (inside, outside) in [
                (Proximity::Before(before.into()), Proximity::Before(u32::from(before) + 1)),
                (Proximity::After(after.into()), Proximity::After(u32::from(after) + 1)),
            ] {
                assert_eq!(Criticality::at(inside, &rules), class);
                assert!(Criticality::at(outside, &rules) < class);
            }
        }
        assert_eq!(Criticality::Low.reach(&rules), None);
    }
}
