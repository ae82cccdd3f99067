use super::*;
use crate::priority::Priority;
use jiff::ToSpan;
use proptest::prelude::*;
use uuid::Uuid;

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A spread that moves nothing by cron, or as little as can be: the first id whose share of five minutes is under a tenth of a second.
fn still() -> Spread {
    let found =
        (0..).map(|id| Spread::of(&Uuid::from_u128(id))).find(|spread| spread.within(CRON_JITTER).as_millis() < 100);
    found.unwrap()
}

fn cron(text: &str, zone: &str) -> Schedule {
    Schedule::Cron { expression: text.parse().unwrap(), time_zone: zone.parse().unwrap() }
}

/// The next runs, to the minute.
fn runs(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let mut latest = at(after);
    let next = std::iter::from_fn(|| {
        latest = schedule.next_after(still(), latest)?;
        Some(latest.strftime("%m-%d %H:%M").to_string())
    });
    next.take(count).collect()
}

#[test]
fn cron_means_the_clock_on_the_wall() {
    let nightly = cron("30 2 * * *", "Europe/London");
    assert_eq!(runs(&nightly, "2026-01-10T00:00:00Z", 2), ["01-10 02:30", "01-11 02:30"]);
    assert_eq!(runs(&nightly, "2026-07-10T00:00:00Z", 2), ["07-10 01:30", "07-11 01:30"]);
    let either = cron("0 12 1 * 6", "UTC");
    assert_eq!(runs(&either, "2026-05-31T00:00:00Z", 3), ["06-01 12:00", "06-06 12:00", "06-13 12:00"]);
}

#[test]
fn a_fixed_run_that_the_clocks_skip_takes_place_right_after_the_gap_once() {
    // London, 29 March 2026: 01:00 becomes 02:00, at 01:00 UTC.
    let schedule = cron("30 1 * * *", "Europe/London");
    assert_eq!(runs(&schedule, "2026-03-28T12:00:00Z", 2), ["03-29 01:00", "03-30 00:30"]);
}

#[test]
fn a_fixed_run_whose_time_comes_twice_takes_place_once_the_first_time() {
    // London, 25 October 2026: 02:00 becomes 01:00, at 01:00 UTC.
    let schedule = cron("30 1 * * *", "Europe/London");
    assert_eq!(runs(&schedule, "2026-10-24T12:00:00Z", 2), ["10-25 00:30", "10-26 01:30"]);
}

#[test]
fn runs_by_steps_go_on_with_the_clock() {
    let schedule = cron("*/30 * * * *", "Europe/London");
    assert_eq!(runs(&schedule, "2026-03-29T00:00:01Z", 3), ["03-29 00:30", "03-29 01:00", "03-29 01:30"]);
    let doubled = runs(&schedule, "2026-10-24T23:30:01Z", 4);
    assert_eq!(doubled, ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"]);
}

#[test]
fn nonsense_and_days_that_never_come_are_refused() {
    let error = |text: &str| text.parse::<Cron>().unwrap_err().to_string();
    for text in ["", "every day", "* * * *", "61 * * * *", "0 0 2 * * *", "0 0 1 1 * 2030", "@@"] {
        assert!(error(text).contains("five fields"), "{text}");
    }
    assert!(error("0 2 30 2 *").contains("never comes"));
    assert!(error(&"*".repeat(201)).contains("too long"));
    assert!("0 2 29 2 *".parse::<Cron>().is_ok());
}

#[test]
fn schedules_round_trip_as_json() {
    for (text, expected) in [
        (r#"{"kind":"frequency","frequency":"hourly"}"#, Schedule::Frequency { frequency: Frequency::Hourly }),
        (r#"{"kind":"interval","seconds":900}"#, Schedule::Interval { seconds: Interval::try_from(900).unwrap() }),
        (r#"{"kind":"cron","expression":"0 2 * * *","time_zone":"Asia/Tokyo"}"#, cron("0 2 * * *", "Asia/Tokyo")),
    ] {
        assert_eq!(serde_json::from_str::<Schedule>(text).unwrap(), expected);
        assert_eq!(serde_json::to_string(&expected).unwrap(), text);
    }
    let error = serde_json::from_str::<Schedule>(r#"{"kind":"interval","seconds":59}"#).unwrap_err().to_string();
    assert!(error.contains("59 seconds is no interval"), "{error}");
    let cron: Cron = "5 4 * * 7".parse().unwrap();
    assert_eq!(format!("{cron} {cron:?}"), "5 4 * * 7 Cron(5 4 * * 7)");
}

#[test]
fn after_a_downtime_missed_runs_are_made_up_by_one() {
    let hourly = Schedule::Frequency { frequency: Frequency::Hourly };
    let spread = still();
    let first = hourly.next_after(spread, at("2026-06-06T00:00:00Z")).unwrap();
    assert_eq!(hourly.due(spread, first, first + 59.minutes()), None);
    assert_eq!(
        hourly.due(spread, first, first + 61.minutes()),
        Some(Due { scheduled_at: first + 1.hour(), missed: 0 })
    );
    let due = hourly.due(spread, first, first + 500.minutes()).unwrap();
    assert_eq!(due, Due { scheduled_at: first + 8.hours(), missed: 7 });
    assert_eq!(hourly.due(spread, due.scheduled_at, first + 500.minutes()), None);

    let nightly = cron("30 2 * * *", "Europe/London");
    let due = nightly.due(spread, at("2026-03-01T12:00:00Z"), at("2026-03-05T12:00:00Z")).unwrap();
    assert_eq!((due.missed, due.scheduled_at.strftime("%m-%d %H:%M").to_string()), (3, "03-05 02:30".to_owned()));

    let real_time = Schedule::Frequency { frequency: Frequency::RealTime };
    let due = real_time.due(spread, at("2025-06-06T00:00:00Z"), at("2026-06-06T00:00:00Z")).unwrap();
    assert_eq!(due.missed, Due::MOST_COUNTED);
    assert!(due.scheduled_at > at("2026-06-05T23:59:00Z"));
}

#[test]
fn the_most_critical_is_made_up_first_and_then_who_waits_longest() {
    let run = |priority, minute: i64| {
        Urgency::new(Priority::try_from(priority).unwrap(), Timestamp::UNIX_EPOCH + minute.minutes())
    };
    let mut due = [run(2, 0), run(9, 7), run(6, 1), run(9, 3)];
    due.sort_unstable();
    assert_eq!(due, [run(9, 3), run(9, 7), run(6, 1), run(2, 0)]);
}

#[test]
fn ten_thousand_weddings_do_not_start_together() {
    let hourly = Schedule::Frequency { frequency: Frequency::Hourly };
    let mut minutes = [0_u32; 60];
    for id in 0..10_000 {
        let next = hourly.next_after(Spread::of(&Uuid::from_u128(id)), at("2026-06-06T12:00:00Z")).unwrap();
        minutes[usize::try_from(next.as_second() / 60 % 60).unwrap()] += 1;
    }
    // 167 on average; a fair spread stays within five standard deviations (13 each).
    assert!(minutes.iter().all(|count| (100..235).contains(count)), "{minutes:?}");
}

#[test]
fn the_end_of_the_calendar_is_no_panic() {
    for schedule in [Schedule::Frequency { frequency: Frequency::Weekly }, cron("0 2 * * *", "UTC")] {
        assert_eq!(schedule.next_after(still(), Timestamp::MAX), None);
        assert_eq!(schedule.due(still(), Timestamp::MAX, Timestamp::MAX), None);
    }
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let frequency = proptest::sample::select(Frequency::ALL).prop_map(|frequency| Schedule::Frequency { frequency });
    let interval =
        (60..2_678_400_u32).prop_map(|seconds| Schedule::Interval { seconds: Interval::try_from(seconds).unwrap() });
    let expressions = ["30 2 * * *", "*/15 * * * *", "0 */6 * * *", "0 4 * * 1", "45 23 1 * *"];
    let zones = ["UTC", "Europe/London", "America/New_York", "Asia/Beirut", "Pacific/Auckland"];
    let cron = (proptest::sample::select(expressions.to_vec()), proptest::sample::select(zones.to_vec()))
        .prop_map(|(text, zone)| super::tests::cron(text, zone));
    prop_oneof![frequency, interval, cron]
}

proptest! {
    /// The next run lies ahead, nothing lies between, and it is the same whoever asks and when.
    #[test]
    fn the_next_run_is_ahead_and_there_is_none_between(schedule in any_schedule(), id: u128, seconds in 1_700_000_000..1_900_000_000_i64, share in 0..1000_i64) {
        let spread = Spread::of(&Uuid::from_u128(id));
        let after = Timestamp::from_second(seconds).unwrap();
        let next = schedule.next_after(spread, after).unwrap();
        prop_assert!(next > after);
        let between = after + SignedDuration::from_millis(i64::try_from(next.duration_since(after).as_millis()).unwrap() * share / 1000);
        prop_assert_eq!(schedule.next_after(spread, between), Some(next));
        prop_assert!(schedule.next_after(spread, next).unwrap() > next);
        prop_assert_eq!(schedule.due(spread, after, next), Some(Due { scheduled_at: next, missed: 0 }));
        prop_assert_eq!(schedule.due(spread, after, next - 1.millisecond()), None);
    }

    /// By frequency and interval, the pause between two runs is the period, to the millisecond: jitter never costs RPO.
    #[test]
    fn jitter_moves_the_grid_and_never_stretches_it(frequency in proptest::sample::select(Frequency::ALL), id: u128, seconds in -1_000_000_000..1_900_000_000_i64) {
        let schedule = Schedule::Frequency { frequency };
        let spread = Spread::of(&Uuid::from_u128(id));
        let after = Timestamp::from_second(seconds).unwrap();
        let next = schedule.next_after(spread, after).unwrap();
        prop_assert!(next.duration_since(after) <= frequency.rpo());
        let then = schedule.next_after(spread, next).unwrap();
        prop_assert_eq!(then.duration_since(next), frequency.rpo());
    }

    /// By cron, jitter is at most five minutes, and always the same for one id.
    #[test]
    fn cron_is_late_by_less_than_its_jitter(id: u128, seconds in 1_700_000_000..1_900_000_000_i64) {
        let schedule = cron("0 * * * *", "UTC");
        let next = schedule.next_after(Spread::of(&Uuid::from_u128(id)), Timestamp::from_second(seconds).unwrap()).unwrap();
        let late = SignedDuration::from_millis(next.as_millisecond().rem_euclid(3_600_000));
        prop_assert!(late < CRON_JITTER);
        prop_assert_eq!(late, Spread::of(&Uuid::from_u128(id)).within(CRON_JITTER));
    }

    /// However long the downtime: one run makes up for it, and afterwards none is due.
    #[test]
    fn catching_up_takes_one_run(schedule in any_schedule(), id: u128, last in 1_700_000_000..1_800_000_000_i64, down in 0..3_000_000_i64) {
        let spread = Spread::of(&Uuid::from_u128(id));
        let last = Timestamp::from_second(last).unwrap();
        let now = last + down.seconds();
        if let Some(due) = schedule.due(spread, last, now) {
            prop_assert!(due.scheduled_at > last && due.scheduled_at <= now);
            prop_assert_eq!(schedule.due(spread, due.scheduled_at, now), None);
        } else {
            prop_assert!(schedule.next_after(spread, last).unwrap() > now);
        }
    }
}
