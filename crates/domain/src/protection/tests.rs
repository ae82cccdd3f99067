use super::*;
use crate::{
    WeddingId,
    risk::Factor,
    wedding::{Currency, Money, WeddingType},
};
use jiff::civil::Date;
use proptest::prelude::*;

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "Pacific/Auckland",
    "Asia/Beirut",
    "America/Sao_Paulo",
    "Pacific/Kiritimati",
];

fn wedding(first: &str, last: &str) -> Facts {
    let mut facts = Facts::unknown(WeddingId::from_uuid(uuid::Uuid::from_u128(1)));
    facts.days = Some(Days::new(first.parse().unwrap(), last.parse().unwrap()).unwrap());
    facts.time_zone = Some("Europe/London".parse().unwrap());
    facts
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn decide(facts: &Facts, now: &str) -> Protection {
    Protection::decide(facts, &Settings::default(), &Thresholds::default(), at(now))
}

#[test]
fn a_wedding_in_five_days_is_captured_all_the_time() {
    // 2026-06-05 is a Friday: no risk factor.
    let found = decide(&wedding("2026-06-05", "2026-06-05"), "2026-05-31T12:00:00Z");
    assert_eq!((found.criticality, found.phase), (Criticality::Critical, Phase::HighPriority));
    assert_eq!((found.frequency, found.rpo_seconds, found.priority.get()), (Frequency::RealTime, 60, 9));
    assert_eq!((found.days_until, found.risks.len()), (Some(5), 0));
    assert_eq!(found.valid_until, Some(at("2026-05-31T23:00:00Z")));
    let period = found.high_priority_period.unwrap();
    assert_eq!((period.from, period.until), (at("2026-05-28T23:00:00Z"), at("2026-06-06T23:00:00Z")));
    let expected = [
        "The wedding begins in 5 days (2026-06-05, Europe/London).",
        "Its criticality is critical, because it is at most 14 days away.",
        "It is in its high-priority period, from 7 days before to 1 day after.",
        "It is captured real_time by its date; at most 60 seconds of changes may be lost.",
        "Its scheduled jobs have priority 9 of 10.",
    ];
    assert_eq!(found.explanation, expected);
}

#[test]
fn days_are_the_venues_and_not_utcs() {
    let mut facts = wedding("2026-06-05", "2026-06-05");
    // 23:30 in UTC on T-8 is already T-7 in London in summer, and still T-8 in New York.
    let now = "2026-05-28T23:30:00Z";
    assert_eq!(decide(&facts, now).phase, Phase::HighPriority);
    facts.time_zone = Some("America/New_York".parse().unwrap());
    assert_eq!(decide(&facts, now).phase, Phase::Before);
    let settings = Settings { time_zone: Some("Asia/Tokyo".parse().unwrap()), ..Settings::default() };
    let found = Protection::decide(&facts, &settings, &Thresholds::default(), at(now));
    assert!(found.explanation[0].contains("7 days (2026-06-05, Asia/Tokyo)"), "{:?}", found.explanation);
}

#[test]
fn without_a_date_it_is_medium_and_weekly() {
    let mut facts = wedding("2026-06-05", "2026-06-05");
    facts.days = None;
    let found = decide(&facts, "2026-05-28T23:30:00Z");
    assert_eq!(
        (found.criticality, found.phase, found.frequency),
        (Criticality::Medium, Phase::Undated, Frequency::Weekly)
    );
    assert_eq!((found.days_until, found.high_priority_period, found.valid_until), (None, None, None));
    assert_eq!(found.explanation[0], "The wedding has no date yet.");
    assert!(found.explanation[1].contains("because it has no date"));
    assert!(found.explanation[2].contains("7 days of changes"));
}

#[test]
fn called_off_is_like_undated_and_vanished_lowers_nothing() {
    let mut facts = wedding("2026-06-05", "2026-06-05");
    let now = "2026-06-05T09:00:00Z";
    let before = decide(&facts, now);
    assert!(before.explanation[0].starts_with("The wedding is today"));
    facts.status = Status::Vanished;
    let vanished = decide(&facts, now);
    assert!(!vanished.is_weaker_than(&before) && !before.is_weaker_than(&vanished));
    assert!(vanished.explanation[1].contains("no longer in its source"));
    facts.status = Status::Cancelled;
    let cancelled = decide(&facts, now);
    assert_eq!((cancelled.criticality, cancelled.phase), (Criticality::Medium, Phase::Undated));
    assert!(cancelled.explanation[0].contains("called off"));
    assert!(cancelled.is_weaker_than(&before));
}

#[test]
fn two_risk_factors_promote_by_one_step_and_one_does_not() {
    // 2026-06-06 is a Saturday.
    let mut facts = wedding("2026-06-06", "2026-06-06");
    let now = "2026-05-09T09:00:00Z";
    let one = decide(&facts, now);
    assert_eq!((one.risks.len(), one.frequency), (1, Frequency::Hourly));
    facts.guest_count = Some(240);
    let two = decide(&facts, now);
    assert_eq!(two.risks.iter().map(|risk| risk.factor).collect::<Vec<_>>(), [Factor::Guests, Factor::Weekend]);
    assert_eq!((two.frequency, two.rpo_seconds), (Frequency::RealTime, 60));
    // The frequency is promoted; class, phase and priority go by the date alone.
    assert_eq!((two.criticality, two.phase, two.priority), (one.criticality, one.phase, one.priority));
    assert!(two.explanation.contains(&"Risk factor: 240 guests (threshold: more than 200).".to_owned()));
    let words = "It is captured hourly by its date, promoted to real_time by 2 risk factors (2 or more promote);";
    assert!(two.explanation.iter().any(|sentence| sentence.starts_with(words)), "{:?}", two.explanation);
}

#[test]
fn overrides_win_and_say_what_the_rules_would_have_said() {
    let facts = wedding("2026-06-05", "2026-06-05");
    let settings = Settings {
        frequency_override: Some(Frequency::Daily),
        criticality_override: Some(Criticality::High),
        ..Settings::default()
    };
    let now = "2026-05-26T09:00:00Z";
    let found = Protection::decide(&facts, &settings, &Thresholds::default(), at(now));
    assert_eq!((found.frequency, found.criticality, found.priority.get()), (Frequency::Daily, Criticality::High, 6));
    assert!(found.is_weaker_than(&decide(&facts, now)));
    assert!(found.explanation.iter().any(|text| text.contains("set to high by hand; it would be critical")));
    let words = "set to daily by hand, less often than its rule (which says: hourly by its date); at most 24 hours";
    assert!(found.explanation.iter().any(|text| text.contains(words)), "{:?}", found.explanation);
    let more = Settings { frequency_override: Some(Frequency::RealTime), ..Settings::default() };
    let found = Protection::decide(&facts, &more, &Thresholds::default(), at(now));
    assert!(found.explanation.iter().any(|text| text.contains("set to real_time by hand (which says: hourly")));
}

#[test]
fn the_period_can_be_wider_for_one_wedding_and_for_one_type() {
    let facts = wedding("2026-06-05", "2026-06-05");
    let now = "2026-05-24T09:00:00Z";
    assert_eq!(decide(&facts, now).phase, Phase::Before);
    let settings = Settings { high_priority_days_before: Some(12), ..Settings::default() };
    let wide = Protection::decide(&facts, &settings, &Thresholds::default(), at(now));
    assert_eq!((wide.phase, wide.frequency), (Phase::HighPriority, Frequency::RealTime));

    let destination: WeddingType = "destination".parse().unwrap();
    let mut thresholds = Thresholds::default();
    let rules = DateRules { high_priority_days_before: 21, ..DateRules::default() };
    thresholds.wedding_types.insert(destination.clone(), rules);
    let settings = Settings { wedding_type: Some(destination), ..Settings::default() };
    assert_eq!(Protection::decide(&facts, &settings, &thresholds, at(now)).phase, Phase::HighPriority);
    let unknown = Settings { wedding_type: Some("other".parse().unwrap()), ..Settings::default() };
    assert_eq!(Protection::decide(&facts, &unknown, &thresholds, at(now)).phase, Phase::Before);
}

#[test]
fn long_past_and_far_ahead_are_low() {
    let facts = wedding("2026-06-05", "2026-06-05");
    let past = decide(&facts, "2027-12-01T00:00:00Z");
    assert_eq!((past.criticality, past.phase, past.frequency), (Criticality::Low, Phase::After, Frequency::Weekly));
    assert!(past.explanation[1].contains("long past"));
    let ahead = decide(&facts, "2025-01-01T00:00:00Z");
    assert_eq!((ahead.criticality, ahead.phase), (Criticality::Low, Phase::Before));
    assert!(ahead.explanation[1].contains("far ahead"));
    let after = decide(&facts, "2026-06-12T09:00:00Z");
    assert!(after.explanation[0].starts_with("The wedding ended 7 days ago"));
    assert!(after.explanation[1].contains("at most 7 days ago"));
}

#[test]
fn the_decision_round_trips_as_json_with_words_of_the_api() {
    let mut facts = wedding("2026-06-06", "2026-06-07");
    facts.budget = Some(Money::whole(80_000, Currency::GBP));
    let found = decide(&facts, "2026-06-01T00:00:00Z");
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((json["phase"].as_str(), json["frequency"].as_str()), (Some("high_priority"), Some("real_time")));
    assert_eq!((json["criticality"].as_str(), json["priority"].as_u64()), (Some("critical"), Some(9)));
    assert_eq!(serde_json::from_value::<Protection>(json).unwrap(), found);
    assert_eq!(found.rpo().as_secs(), 60);
}

fn any_wedding() -> impl Strategy<Value = Facts> {
    let day = (-400..400_i32, 0..6_i32, 0..ZONES.len());
    let counts = (0..400_u64, 0..100_000_u64, 0..12_u64, 0..2_u64, 0..40_u64);
    (day, counts).prop_map(|((day, long, zone), (guests, budget, vendors, overlaps, changed))| {
        let base: Date = "2026-03-08".parse().unwrap();
        let first = base.saturating_add(day.days());
        let mut facts = Facts::unknown(WeddingId::from_uuid(uuid::Uuid::from_u128(1)));
        facts.days = Some(Days::new(first, first.saturating_add(long.days())).unwrap());
        facts.time_zone = Some(ZONES[zone].parse().unwrap());
        facts.guest_count = Some(guests);
        facts.budget = Some(Money::whole(budget, Currency::GBP));
        facts.booked_vendors = vendors;
        facts.overlapping_vendor_slots = overlaps;
        facts.changed_rows_7_days = changed;
        facts
    })
}

fn any_rules() -> impl Strategy<Value = DateRules> {
    proptest::collection::vec(0..400_u16, 11).prop_map(|mut numbers| {
        for range in [0..3, 3..6, 6..9, 9..11] {
            numbers[range].sort_unstable();
        }
        DateRules {
            critical_days_before: numbers[0],
            high_days_before: numbers[1],
            medium_days_before: numbers[2],
            critical_days_after: numbers[3],
            high_days_after: numbers[4],
            medium_days_after: numbers[5],
            high_priority_days_before: numbers[6],
            hourly_days_before: numbers[7],
            daily_days_before: numbers[8],
            high_priority_days_after: numbers[9],
            daily_days_after: numbers[10],
        }
    })
}

proptest! {
    /// Whatever sound thresholds say: nearer to the day never means less, whichever side of it.
    #[test]
    fn protection_grows_with_proximity(facts in any_wedding(), rules in any_rules(), hours in 0..20_000_i64, step in 1..3000_i64, ahead: bool) {
        let thresholds = Thresholds { dates: rules, ..Thresholds::default() };
        prop_assert_eq!(thresholds.validate(), Ok(()));
        let days = facts.days.unwrap();
        let zone = facts.time_zone.clone().unwrap();
        let decide = |now| Protection::decide(&facts, &Settings::default(), &thresholds, now);
        let (near, far) = if ahead {
            let start = days.from_first(0, &zone);
            (start - hours.hours(), start - (hours + step).hours())
        } else {
            let end = days.from_last(1, &zone);
            (end + hours.hours(), end + (hours + step).hours())
        };
        let (near, far) = (decide(near), decide(far));
        prop_assert!(!near.is_weaker_than(&far), "{near:?}\n{far:?}");
        prop_assert!(near.rpo_seconds <= far.rpo_seconds);
    }

    /// Phases follow each other without gap or overlap: walking over the clock changes of two years, each moment has one
    /// phase, the order is before, high priority, after, and the period agrees with it to the second.
    #[test]
    fn phases_have_no_gap_and_no_overlap(facts in any_wedding(), before in 0..20_u16, after in 0..20_u16) {
        let settings = Settings {
            high_priority_days_before: Some(before),
            high_priority_days_after: Some(after),
            ..Settings::default()
        };
        let decide = |now| Protection::decide(&facts, &settings, &Thresholds::default(), now);
        let period = decide(Timestamp::UNIX_EPOCH).high_priority_period.unwrap();
        let second = 1.second();
        for (moment, phase) in [
            (period.from - second, Phase::Before),
            (period.from, Phase::HighPriority),
            (period.until - second, Phase::HighPriority),
            (period.until, Phase::After),
        ] {
            let found = decide(moment);
            prop_assert_eq!(found.phase, phase);
            prop_assert_eq!(period.contains(moment), phase == Phase::HighPriority);
        }
        let mut latest = Phase::Before;
        for hour in (0..40 * 24).step_by(5) {
            let phase = decide(period.from - 120.hours() + hour.hours()).phase;
            prop_assert!(phase >= latest && phase != Phase::Undated);
            latest = phase;
        }
    }

    /// Until `valid_until` nothing changes by itself, and it is the next midnight there, also on days of 23 or 25 hours.
    #[test]
    fn a_decision_holds_until_the_next_midnight(facts in any_wedding(), hours in -20_000..20_000_i64) {
        let now = at("2026-03-08T06:30:00Z") + hours.hours();
        let decide = |now| Protection::decide(&facts, &Settings::default(), &Thresholds::default(), now);
        let found = decide(now);
        let until = found.valid_until.unwrap();
        prop_assert!(now < until && until.duration_since(now) <= SignedDuration::from_hours(25));
        prop_assert_eq!(decide(until - 1.second()), found.clone());
        let next = decide(until).days_until.unwrap();
        let expected = found.days_until.unwrap() - 1;
        prop_assert!(next == expected || (next == 0 && found.days_until == Some(0)));
    }

    #[test]
    fn every_decision_explains_itself_without_holes(facts in any_wedding(), hours in -20_000..20_000_i64) {
        let now = at("2026-03-08T06:30:00Z") + hours.hours();
        let found = Protection::decide(&facts, &Settings::default(), &Thresholds::default(), now);
        prop_assert!(found.explanation.len() >= 4 + found.risks.len());
        prop_assert!(found.explanation.iter().all(|text| text.ends_with('.') && !text.contains("  ")));
        prop_assert_eq!(found.rpo_seconds, found.frequency.rpo().as_secs());
    }
}
