use super::*;
use crate::{
    Criticality, Frequency, PointId,
    execution::ExecutionType,
    point::{Judgement, Kind, Listed},
    tier::Tier,
};
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use uuid::Uuid;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn taken(at: Timestamp) -> Taken {
    Taken { catalog_at: at, storage_at: None }
}

fn point(number: u128, captured_at: Timestamp) -> Candidate {
    let point = Listed {
        id: PointId::from_uuid(Uuid::from_u128(number)),
        captured_at,
        kind: Kind::Wedding,
        incomplete: false,
        verified: true,
        judgement: Judgement::Clean,
    };
    let promise = Promise::at_capture(&taken(captured_at), Criticality::Low, Grade::QuarterHour, &Policy::default());
    Candidate { point, promise, held: false, in_use: false }
}

fn decisions(points: &[Candidate], exists: bool, now: Timestamp) -> Vec<Decision> {
    expire(points, exists, now).into_iter().map(|(_, decision)| decision).collect()
}

#[test]
fn policies_are_within_a_month_and_a_year_and_in_order() {
    assert_eq!(Policy::default().validate(), Ok(()));
    let policy = Policy { low_days: 29, medium_days: 200, high_days: 100, critical_days: 400 };
    let faults: Vec<String> = policy.validate().unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "/low_days: 29 days: use 30 to 366",
        "/high_days: 100 days is less than medium_days, 200: more critical must not mean less",
        "/critical_days: 400 days: use 30 to 366",
    ];
    assert_eq!(faults, expected);
    assert!(serde_json::from_str::<Policy>(r#"{"days": 3}"#).is_err());
    let shorter = Policy { high_days: 179, critical_days: 366, ..Policy::default() };
    assert!(shorter.is_weaker_than(&Policy::default()));
    assert!(!Policy { critical_days: 366, ..Policy::default() }.is_weaker_than(&Policy::default()));
}

#[test]
fn s25_age_counts_from_the_later_clock_and_skew_shows() {
    let noon = at("2026-06-06T12:00:00Z");
    let slow = Taken { catalog_at: noon - 240.hours(), storage_at: Some(noon) };
    assert_eq!((slow.at(), slow.is_skewed()), (noon, true));
    let fine = Taken { catalog_at: noon, storage_at: Some(noon - 5.minutes()) };
    assert_eq!((fine.at(), fine.is_skewed()), (noon, false));
    let promise = Promise::at_capture(&slow, Criticality::Low, Grade::Weekly, &Policy::default());
    assert_eq!(promise.keep_until, noon + 720.hours());
    assert_eq!((promise.is_over(noon + 719.hours()), promise.is_over(noon + 720.hours())), (false, true));
    let end = Promise::at_capture(&taken(Timestamp::MAX), Criticality::Low, Grade::Weekly, &Policy::default());
    assert_eq!(end.keep_until, Timestamp::MAX);
}

#[test]
fn a_point_keeps_the_highest_class_it_ever_had() {
    let taken = taken(at("2026-06-06T12:00:00Z"));
    let policy = Policy::default();
    let critical = Promise::at_capture(&taken, Criticality::Critical, Grade::QuarterHour, &policy);
    let later = critical.raised(&taken, Criticality::Low, Grade::Minute, &policy);
    assert_eq!(later, critical);
    let low = Promise::at_capture(&taken, Criticality::Low, Grade::QuarterHour, &policy);
    assert_eq!(low.raised(&taken, Criticality::Critical, Grade::QuarterHour, &policy), critical);
}

#[test]
fn grades_begin_with_the_schedule_and_reach_their_tiers() {
    assert_eq!(Grade::at_capture(ExecutionType::Scheduled, Frequency::RealTime), Grade::Minute);
    assert_eq!(Grade::at_capture(ExecutionType::Retry, Frequency::RealTime), Grade::Minute);
    for execution in [ExecutionType::Manual, ExecutionType::Emergency] {
        assert_eq!(Grade::at_capture(execution, Frequency::RealTime), Grade::QuarterHour);
    }
    assert_eq!(Grade::at_capture(ExecutionType::Scheduled, Frequency::Hourly), Grade::QuarterHour);
    for tier in Tier::ALL.iter().copied() {
        let reached: Vec<Grade> = Grade::ALL.iter().copied().filter(|grade| grade.goes_to(tier, false)).collect();
        let least = if tier == Tier::Offsite { 2 } else { 1 };
        assert_eq!(reached, Grade::ALL[least..]);
        assert!(Grade::ALL.iter().all(|grade| grade.goes_to(tier, true)));
    }
}

#[test]
fn a_point_rises_by_being_the_newest_when_a_quarter_or_a_week_ends() {
    let raised = |from: &str, until: &str| Grade::Minute.raised(at(from), at(until));
    assert_eq!(raised("2026-06-06T12:00:00Z", "2026-06-06T12:14:59Z"), Grade::Minute);
    assert_eq!(raised("2026-06-06T12:14:59Z", "2026-06-06T12:15:00Z"), Grade::QuarterHour);
    // 7 June 2026 is a Sunday.
    assert_eq!(raised("2026-06-07T00:00:00Z", "2026-06-07T23:59:59Z"), Grade::QuarterHour);
    assert_eq!(raised("2026-06-07T23:59:59Z", "2026-06-08T00:00:00Z"), Grade::Weekly);
    assert_eq!(Grade::QuarterHour.raised(at("2026-06-06T12:00:00Z"), at("2026-06-06T12:01:00Z")), Grade::QuarterHour);
    assert_eq!(Grade::Weekly.raised(at("2026-06-06T12:00:00Z"), at("2026-06-06T12:20:00Z")), Grade::Weekly);
}

#[test]
fn what_is_past_its_promise_goes_and_the_rest_says_why_it_stays() {
    let start = at("2026-01-01T00:00:00Z");
    let mut points: Vec<Candidate> =
        (0..7).map(|day| point(day.try_into().unwrap(), start + (24 * day).hours())).collect();
    points[1].held = true;
    points[2].in_use = true;
    points[4].point.judgement = Judgement::Suspect;
    points[4].point.verified = true;
    points[5].point.incomplete = true;
    points[6].point.kind = Kind::PreRecovery;
    let long_after = start + 9000.hours();
    use Decision::{Expire, Keep as Stay};
    let expected = [
        Expire,
        Stay(Keep::Held),
        Stay(Keep::InUse),
        Stay(Keep::LastClean),
        Stay(Keep::NewestVerified),
        Expire,
        Expire,
    ];
    assert_eq!(decisions(&points, true, long_after), expected);
    // Gone from its source, only the newest verified one is left of the protection.
    assert_eq!(decisions(&points, false, long_after)[3..5], [Expire, Stay(Keep::NewestVerified)]);
    assert_eq!(decisions(&points, true, start + 24.hours())[0], Stay(Keep::Promised));
}

#[test]
fn s25_a_cleanup_of_many_or_young_points_waits() {
    let now = at("2026-06-06T12:00:00Z");
    let old: Vec<Candidate> = (0..20).map(|number| point(number, now - 2000.hours())).collect();
    let weigh = |points: &[Candidate], removed: usize| {
        let goes = points.iter().enumerate().map(|(position, candidate)| (candidate, position < removed));
        Gate::default().weigh(goes, 0, now)
    };
    assert_eq!(weigh(&old, 2), Cleanup { removed: 2, of: 20, approval: vec![] });
    assert_eq!(weigh(&old, 3).approval, [ApprovalReason::ManyPoints]);
    let mut young = old.clone();
    young[0] = point(0, now - 167.hours());
    assert_eq!(weigh(&young, 1).approval, [ApprovalReason::YoungPoints]);
    young[0].promise.grade = Grade::Minute;
    assert_eq!(weigh(&young, 1), Cleanup { removed: 0, of: 19, approval: vec![] });
    assert_eq!(weigh(&[], 0).approval, []);
    let others = Gate::default().weigh(old.iter().map(|candidate| (candidate, true)), 180, now);
    assert_eq!(others, Cleanup { removed: 20, of: 200, approval: vec![] }, "the rest of the organisation's count, too");
}

/// Minute points of a busy wedding, as capture would make, confirm, raise and expire them; returns those that are left at the end.
fn live(changes: &[bool], days: i64) -> (Timestamp, Vec<Candidate>) {
    let start = at("2026-06-06T00:00:00Z");
    let policy = Policy::default();
    let mut points: Vec<Candidate> = Vec::new();
    let end = start + (days * 24).hours();
    for minute in 0..days * 24 * 60 {
        let now = start + minute.minutes();
        if let Some(newest) = points.last_mut() {
            let taken = taken(newest.point.captured_at);
            let grade = newest.promise.grade.raised(taken.at(), now);
            newest.promise = newest.promise.raised(&taken, Criticality::Critical, grade, &policy);
        }
        let changed = changes.is_empty() || changes[usize::try_from(minute).unwrap() % changes.len()];
        if changed || minute == 0 {
            let mut next = point(u128::try_from(minute).unwrap(), now);
            next.promise = Promise::at_capture(&taken(now), Criticality::Critical, Grade::Minute, &policy);
            points.push(next);
        }
    }
    let kept = expire(&points, true, end);
    let stays = |position: usize| kept[position].1 != Decision::Expire;
    (end, points.iter().enumerate().filter(|(position, _)| stays(*position)).map(|(_, point)| *point).collect())
}

#[test]
fn s26_after_a_day_one_point_a_quarter_of_an_hour_is_left() {
    let (end, left) = live(&[], 3);
    let older = left.iter().filter(|candidate| candidate.point.captured_at <= end - 24.hours());
    let minutes: Vec<i64> = older.map(|candidate| candidate.point.captured_at.as_second() / 60 % 15).collect();
    assert_eq!(minutes.len(), 2 * 96, "two days of quarters");
    assert!(minutes.iter().all(|minute| *minute == 14), "each the last of its quarter");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever changes when: the state that was true at the end of any quarter of an hour can still be restored, days later.
    #[test]
    fn s26_thinning_loses_no_state_that_lasted(changes in proptest::collection::vec(proptest::bool::weighted(0.1), 37..900)) {
        let start = at("2026-06-06T00:00:00Z");
        let (_, left) = live(&changes, 3);
        for quarter in 1..=(3 * 96_i64) {
            let end = start + (quarter * 15).minutes();
            let last_change = (0..quarter * 15).rev()
                .find(|minute| *minute == 0 || changes[usize::try_from(*minute).unwrap() % changes.len()]).unwrap();
            let found = left.iter().rev().map(|candidate| candidate.point.captured_at).find(|captured_at| *captured_at < end);
            prop_assert_eq!(found, Some(start + last_change.minutes()));
        }
    }
}

proptest! {
    /// Whatever happens to class, grade, policy and clocks, and in whichever order: a promise never gets less.
    #[test]
    fn s25_a_promise_never_shrinks(
        steps in proptest::collection::vec((0..4_usize, 0..3_usize, proptest::collection::vec(30..=366_u16, 4)), 1..20),
        storage_minutes in proptest::option::of(-10_000..10_000_i64),
    ) {
        let catalog_at = at("2026-06-06T12:00:00Z");
        let taken = Taken { catalog_at, storage_at: storage_minutes.map(|minutes| catalog_at + minutes.minutes()) };
        let mut promise = Promise::at_capture(&taken, Criticality::Low, Grade::Minute, &Policy::default());
        prop_assert!(promise.keep_until >= catalog_at + 24.hours());
        for (class, grade, days) in steps {
            let policy = Policy { critical_days: days[0], high_days: days[1], medium_days: days[2], low_days: days[3] };
            let next = promise.raised(&taken, Criticality::ALL[class], Grade::ALL[grade], &policy);
            prop_assert!(next.keep_until >= promise.keep_until && next.class >= promise.class && next.grade >= promise.grade);
            if next.grade > Grade::Minute {
                prop_assert!(next.keep_until >= catalog_at + (30 * 24).hours());
            }
            promise = next;
        }
    }

    /// Whatever the points: none goes within its promise, and the last clean and the newest verified one never go.
    #[test]
    fn s25_what_would_be_restored_never_expires(
        kinds in proptest::collection::vec((any::<bool>(), any::<bool>(), 0..3_usize, 0..5_u8, 0..10_000_i64), 1..30),
        hours in 0..100_000_i64,
    ) {
        let start = at("2026-01-01T00:00:00Z");
        let points: Vec<Candidate> = (0..).zip(kinds).map(|(number, (verified, incomplete, judgement, kind, hour))| {
            let mut next = point(number, start + hour.hours());
            next.point.verified = verified;
            next.point.incomplete = incomplete;
            next.point.judgement = Judgement::ALL[judgement];
            next.point.kind = if kind == 0 { Kind::PreRecovery } else { Kind::Wedding };
            next
        }).collect();
        let now = start + hours.hours();
        let decided = decisions(&points, true, now);
        for (candidate, decision) in points.iter().zip(&decided) {
            prop_assert!(*decision != Decision::Expire || candidate.promise.is_over(now));
        }
        let left = |fits: &dyn Fn(&Listed) -> bool| {
            let newest = points.iter().zip(&decided).filter(|(candidate, _)| fits(&candidate.point))
                .max_by_key(|(candidate, _)| (candidate.point.captured_at, candidate.point.id));
            newest.is_none_or(|(_, decision)| *decision != Decision::Expire)
        };
        prop_assert!(left(&|point| point.kind == Kind::Wedding && !point.incomplete && point.judgement != Judgement::Suspect));
        prop_assert!(left(&|point| point.kind == Kind::Wedding && !point.incomplete && point.verified));
    }
}
