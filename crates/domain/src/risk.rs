//! What makes a wedding more likely to change or to be missed, each with its evidence (product.md B2).

use crate::{
    wedding::{Currency, Facts, Money, RiskThresholds, Weekday},
    word::words,
};
use serde::{Deserialize, Serialize};

words! {
    /// The risk factors.
    Factor {
        /// Many guests.
        Guests = "guests",
        /// A high budget.
        Budget = "budget",
        /// One of its days is a weekend day.
        Weekend = "weekend",
        /// Many booked vendors, or bookings that overlap.
        Vendors = "vendors",
        /// Many rows changed lately.
        ActivePlanning = "active_planning",
    }
}

/// A risk factor that is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// Which.
    pub factor: Factor,
    /// What was found, in words, such as "240 guests". No personal data.
    pub evidence: String,
    /// What it was compared with, in words, such as "more than 200".
    pub threshold: String,
}

/// The factors of one wedding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Those that are present, in the order of [`Factor::ALL`].
    pub risks: Vec<Risk>,
    /// Sentences about facts that could not be judged, each with what to do.
    pub not_judged: Vec<String>,
}

/// Judges all factors. A fact that the source does not state is no risk.
pub fn assess(facts: &Facts, thresholds: &RiskThresholds) -> Assessment {
    let risks = [guests, budget, weekend, vendors, active_planning];
    Assessment {
        risks: risks.into_iter().filter_map(|judge| judge(facts, thresholds)).collect(),
        not_judged: budget_without_rate(facts, thresholds).into_iter().collect(),
    }
}

fn guests(facts: &Facts, thresholds: &RiskThresholds) -> Option<Risk> {
    let guests = facts.guest_count.filter(|guests| *guests > thresholds.guests_over)?;
    let threshold = format!("more than {}", thresholds.guests_over);
    Some(Risk { factor: Factor::Guests, evidence: format!("{guests} guests"), threshold })
}

fn budget(facts: &Facts, thresholds: &RiskThresholds) -> Option<Risk> {
    let budget = facts.budget?;
    let worth = worth_in_gbp_hundredths(budget, thresholds)?;
    let threshold = format!("more than GBP {}", thresholds.budget_over_gbp);
    (worth > u128::from(thresholds.budget_over_gbp) * 100).then(|| Risk {
        factor: Factor::Budget,
        evidence: format!("a budget of {budget}"),
        threshold,
    })
}

fn budget_without_rate(facts: &Facts, thresholds: &RiskThresholds) -> Option<String> {
    let budget = facts.budget.filter(|budget| worth_in_gbp_hundredths(*budget, thresholds).is_none())?;
    Some(format!(
        "The budget is not judged, because no rate is configured for {}: add one to the system configuration.",
        budget.currency
    ))
}

fn weekend(facts: &Facts, thresholds: &RiskThresholds) -> Option<Risk> {
    let busy = |day: &Weekday| thresholds.weekend.contains(day);
    let day = facts.days?.iter().map(Weekday::of).find(busy)?;
    let weekend: Vec<&str> = thresholds.weekend.iter().map(|day| day.title()).collect();
    Some(Risk {
        factor: Factor::Weekend,
        evidence: format!("a wedding on a {}", day.title()),
        threshold: format!("a {}", weekend.join(" or ")),
    })
}

fn vendors(facts: &Facts, thresholds: &RiskThresholds) -> Option<Risk> {
    let (evidence, least) = if facts.booked_vendors >= thresholds.booked_vendors {
        (format!("{} booked vendors", facts.booked_vendors), thresholds.booked_vendors)
    } else if facts.overlapping_vendor_slots >= thresholds.overlapping_vendor_slots {
        let evidence = format!("overlapping bookings of vendors: {}", facts.overlapping_vendor_slots);
        (evidence, thresholds.overlapping_vendor_slots)
    } else {
        return None;
    };
    Some(Risk { factor: Factor::Vendors, evidence, threshold: format!("{least} or more") })
}

fn active_planning(facts: &Facts, thresholds: &RiskThresholds) -> Option<Risk> {
    (facts.changed_rows_7_days >= thresholds.changed_rows_7_days).then(|| Risk {
        factor: Factor::ActivePlanning,
        evidence: format!("{} rows changed within 7 days", facts.changed_rows_7_days),
        threshold: format!("{} or more", thresholds.changed_rows_7_days),
    })
}

/// `None` without a rate.
fn worth_in_gbp_hundredths(money: Money, thresholds: &RiskThresholds) -> Option<u128> {
    let amount = u128::from(money.amount_hundredths);
    if money.currency == Currency::GBP {
        return Some(amount);
    }
    let rate = thresholds.gbp_millionths.get(&money.currency)?;
    Some(amount * u128::from(*rate) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WeddingId, wedding::Days};
    use proptest::prelude::*;

    fn quiet() -> Facts {
        Facts::unknown(WeddingId::from_uuid(uuid::Uuid::from_u128(1)))
    }

    fn factors(facts: &Facts) -> Vec<Factor> {
        assess(facts, &RiskThresholds::default()).risks.into_iter().map(|risk| risk.factor).collect()
    }

    #[test]
    fn a_wedding_of_which_nothing_is_known_has_no_risk() {
        assert_eq!(assess(&quiet(), &RiskThresholds::default()), Assessment::default());
    }

    #[test]
    fn each_factor_begins_at_its_threshold() {
        let at = |change: &dyn Fn(&mut Facts)| {
            let mut facts = quiet();
            change(&mut facts);
            factors(&facts)
        };
        assert_eq!(at(&|facts| facts.guest_count = Some(200)), []);
        assert_eq!(at(&|facts| facts.guest_count = Some(201)), [Factor::Guests]);
        let pounds = |amount_hundredths| Some(Money { amount_hundredths, currency: Currency::GBP });
        assert_eq!(at(&|facts| facts.budget = pounds(5_000_000)), []);
        assert_eq!(at(&|facts| facts.budget = pounds(5_000_001)), [Factor::Budget]);
        let day = |text: &str| Some(Days::single(text.parse().unwrap()));
        assert_eq!(at(&|facts| facts.days = day("2026-06-05")), []);
        assert_eq!(at(&|facts| facts.days = day("2026-06-06")), [Factor::Weekend]);
        assert_eq!(at(&|facts| facts.days = day("2026-06-07")), [Factor::Weekend]);
        assert_eq!(at(&|facts| facts.booked_vendors = 7), []);
        assert_eq!(at(&|facts| facts.booked_vendors = 8), [Factor::Vendors]);
        assert_eq!(at(&|facts| facts.overlapping_vendor_slots = 1), [Factor::Vendors]);
        assert_eq!(at(&|facts| facts.changed_rows_7_days = 19), []);
        assert_eq!(at(&|facts| facts.changed_rows_7_days = 20), [Factor::ActivePlanning]);
    }

    #[test]
    fn a_wedding_that_reaches_into_the_weekend_is_a_weekend_wedding() {
        let mut facts = quiet();
        facts.days = Some(Days::new("2026-06-03".parse().unwrap(), "2026-06-06".parse().unwrap()).unwrap());
        let risks = assess(&facts, &RiskThresholds::default()).risks;
        assert_eq!(risks[0].evidence, "a wedding on a Saturday");
        assert_eq!(risks[0].threshold, "a Saturday or Sunday");
    }

    #[test]
    fn other_currencies_need_a_rate_and_say_so_without_one() {
        let mut facts = quiet();
        let euro: Currency = "EUR".parse().unwrap();
        facts.budget = Some(Money::whole(60_000, euro));
        let found = assess(&facts, &RiskThresholds::default());
        assert!(found.risks.is_empty() && found.not_judged[0].contains("no rate is configured for EUR"));
        let mut thresholds = RiskThresholds::default();
        thresholds.gbp_millionths.insert(euro, 850_000);
        assert_eq!(assess(&facts, &thresholds).risks[0].evidence, "a budget of EUR 60000");
        facts.budget = Some(Money::whole(58_000, euro));
        assert_eq!(assess(&facts, &thresholds), Assessment::default());
    }

    #[test]
    fn the_greatest_budget_does_not_overflow() {
        let mut facts = quiet();
        facts.budget = Some(Money::whole(u64::MAX, "IDR".parse().unwrap()));
        let mut thresholds = RiskThresholds { budget_over_gbp: u64::MAX, ..RiskThresholds::default() };
        thresholds.gbp_millionths.insert("IDR".parse().unwrap(), u64::MAX);
        assert_eq!(assess(&facts, &thresholds).risks.len(), 1);
    }

    proptest! {
        #[test]
        fn greater_facts_never_lose_a_risk(guests in 0..500_u64, vendors in 0..20_u64, changed in 0..60_u64, more in 0..50_u64) {
            let mut facts = quiet();
            facts.guest_count = Some(guests);
            facts.booked_vendors = vendors;
            facts.changed_rows_7_days = changed;
            let fewer = factors(&facts);
            facts.guest_count = Some(guests + more);
            facts.booked_vendors += more;
            facts.changed_rows_7_days += more;
            let risks = factors(&facts);
            prop_assert!(fewer.iter().all(|factor| risks.contains(factor)));
        }
    }
}
