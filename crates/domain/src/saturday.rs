//! The Saturday protocol: what must be proven before a wedding's weekend, and what must not happen during it
//! (product.md B4).
//!
//! The weekend is the day before the wedding to the day after it, in the venue's time, whatever weekday that is. By T-2 there is a
//! verified full backup and a rehearsed restore of it; if not, an alarm. Scheduling and alarming are the service's.

use crate::{
    phase::Period,
    spread::Spread,
    wedding::{Days, Zone},
    word::words,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The numbers of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Preparation begins so many days before the first day. What was done earlier is too old to count.
    pub prepare_days_before: u16,
    /// Backup and rehearsal are due when the day begins that is so many days before the first.
    pub due_days_before: u16,
    /// The weekend begins so many days before the first day.
    pub weekend_days_before: u16,
    /// The weekend ends so many days after the last day.
    pub weekend_days_after: u16,
    /// A wedding that appears or moves when its protocol is due already has so long before the alarm, in seconds.
    pub grace_seconds: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            prepare_days_before: 4,
            due_days_before: 2,
            weekend_days_before: 1,
            weekend_days_after: 1,
            grace_seconds: 3600,
        }
    }
}

/// Rules that contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("preparation must begin before it is due, and be due no later than the weekend begins: {0:?}")]
pub struct InvalidRules(Rules);

impl Rules {
    /// Whether the steps are in order.
    pub fn validate(&self) -> Result<(), InvalidRules> {
        let ordered =
            self.prepare_days_before > self.due_days_before && self.due_days_before >= self.weekend_days_before;
        if ordered { Ok(()) } else { Err(InvalidRules(*self)) }
    }
}

/// What was done for one wedding. Times are those of the newest of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// When the newest full backup that was verified was captured.
    pub full_backup_at: Option<Timestamp>,
    /// When the newest full backup was captured whose restore was rehearsed successfully.
    pub rehearsed_backup_at: Option<Timestamp>,
    /// Since when the wedding is known to have these days; `None` for longer than the preparation lasts.
    pub known_since: Option<Timestamp>,
}

words! {
    /// Where a step of the protocol is.
    Progress {
        /// It is not time yet.
        Ahead = "ahead",
        /// It should be done now.
        Due = "due",
        /// It was done.
        Done = "done",
        /// It was not done in time: an alarm until it is done or the weekend is over.
        Overdue = "overdue",
        /// The weekend is over and it was never done.
        Missed = "missed",
    }
}

/// One step of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When to start it; the rehearsal follows its backup at once.
    pub start_at: Timestamp,
    /// From when on an alarm is raised if it is not done.
    pub alarm_at: Timestamp,
    /// Where it is now.
    pub progress: Progress,
}

/// The protocol of one wedding at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocol {
    /// When both steps are due: the start of T-2.
    pub due_at: Timestamp,
    /// No collection, rotation or migration on the wedding's vaults in this time. It begins with the backup that counts, at the
    /// latest when that is due, so that what was proven is still there on the day.
    pub no_maintenance: Period,
    /// The wedding's weekend itself.
    pub weekend: Period,
    /// A verified full backup.
    pub full_backup: Step,
    /// A rehearsed restore of it.
    pub rehearsal: Step,
}

impl Protocol {
    /// The protocol of a wedding with these days, as it stands at `now`. `spread` belongs to the wedding, so that the backups of a
    /// busy weekend are spread over the first half of the preparation.
    pub fn of(days: &Days, zone: &Zone, rules: &Rules, done: &Done, spread: Spread, now: Timestamp) -> Self {
        let prepare_at = days.from_first(-i32::from(rules.prepare_days_before), zone);
        let due_at = days.from_first(-i32::from(rules.due_days_before), zone);
        let (before, after) = (i32::from(rules.weekend_days_before), i32::from(rules.weekend_days_after));
        let weekend = Period::around(days, before, after, zone);

        let half = due_at.duration_since(prepare_at) / 2;
        let start_at = later(prepare_at, spread.within(half));
        let grace = SignedDuration::from_secs(rules.grace_seconds.into());
        let alarm_at = done.known_since.map_or(due_at, |since| due_at.max(later(since, grace)));

        let backup_at = done.full_backup_at.filter(|at| *at >= prepare_at);
        let rehearsed_at = done.rehearsed_backup_at.filter(|at| *at >= prepare_at);
        let step = |start_at: Timestamp, done_at: Option<Timestamp>| Step {
            start_at,
            alarm_at,
            progress: match done_at {
                Some(_) => Progress::Done,
                None if now >= weekend.until => Progress::Missed,
                None if now >= alarm_at => Progress::Overdue,
                None if now >= start_at => Progress::Due,
                None => Progress::Ahead,
            },
        };
        Self {
            due_at,
            no_maintenance: Period {
                from: backup_at.unwrap_or(due_at).min(due_at).min(weekend.from),
                until: weekend.until,
            },
            weekend,
            full_backup: step(start_at, backup_at),
            rehearsal: step(backup_at.unwrap_or(start_at), rehearsed_at),
        }
    }

    /// Whether collection, rotation and migration may run on the wedding's vaults.
    pub fn allows_maintenance(&self, now: Timestamp) -> bool {
        !self.no_maintenance.contains(now)
    }

    /// Whether somebody must be told that the wedding goes into its weekend unproven.
    pub fn alarms(&self) -> bool {
        [self.full_backup, self.rehearsal].iter().any(|step| step.progress == Progress::Overdue)
    }
}

/// `at` and a while later, or the end of the calendar.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn protocol(done: &Done, now: &str) -> Protocol {
        let days = Days::new("2026-06-06".parse().unwrap(), "2026-06-07".parse().unwrap()).unwrap();
        let zone = "Europe/London".parse().unwrap();
        Protocol::of(&days, &zone, &Rules::default(), done, Spread::of(&Uuid::from_u128(5)), at(now))
    }

    fn progress(done: &Done, now: &str) -> (Progress, Progress) {
        let found = protocol(done, now);
        (found.full_backup.progress, found.rehearsal.progress)
    }

    const PREPARED: &str = "2026-06-02T20:00:00Z";

    #[test]
    fn a_weekend_is_the_day_before_to_the_day_after_in_the_venues_time() {
        let found = protocol(&Done::default(), "2026-05-01T00:00:00Z");
        assert_eq!((found.weekend.from, found.weekend.until), (at("2026-06-04T23:00:00Z"), at("2026-06-08T23:00:00Z")));
        assert_eq!(found.due_at, at("2026-06-03T23:00:00Z"));
        assert!(found.full_backup.start_at >= at("2026-06-01T23:00:00Z"));
        assert!(found.full_backup.start_at < at("2026-06-02T23:00:00Z"));
    }

    #[test]
    fn both_steps_are_ahead_then_due_then_overdue_then_missed() {
        use Progress::{Ahead, Due, Missed, Overdue};
        let nothing = Done::default();
        assert_eq!(progress(&nothing, "2026-06-01T22:59:59Z"), (Ahead, Ahead));
        assert_eq!(progress(&nothing, "2026-06-02T23:00:00Z"), (Due, Due));
        assert_eq!(progress(&nothing, "2026-06-03T22:59:59Z"), (Due, Due));
        assert_eq!(progress(&nothing, "2026-06-03T23:00:00Z"), (Overdue, Overdue));
        assert!(protocol(&nothing, "2026-06-06T10:00:00Z").alarms());
        assert_eq!(progress(&nothing, "2026-06-08T23:00:00Z"), (Missed, Missed));
        assert!(!protocol(&nothing, "2026-06-08T23:00:00Z").alarms());
    }

    #[test]
    fn a_backup_alone_still_alarms_and_a_rehearsal_of_it_ends_the_alarm() {
        use Progress::{Done as Finished, Due, Overdue};
        let mut done = Done { full_backup_at: Some(at(PREPARED)), ..Done::default() };
        assert_eq!(progress(&done, "2026-06-03T00:00:00Z"), (Finished, Due));
        assert_eq!(protocol(&done, "2026-06-03T00:00:00Z").rehearsal.start_at, at(PREPARED));
        assert_eq!(progress(&done, "2026-06-04T00:00:00Z"), (Finished, Overdue));
        assert!(protocol(&done, "2026-06-04T00:00:00Z").alarms());
        done.rehearsed_backup_at = Some(at(PREPARED));
        assert_eq!(progress(&done, "2026-06-04T00:00:00Z"), (Finished, Finished));
        assert!(!protocol(&done, "2026-06-06T00:00:00Z").alarms());
    }

    #[test]
    fn what_was_proven_long_before_does_not_count() {
        let old = Some(at("2026-06-01T22:59:59Z"));
        let done = Done { full_backup_at: old, rehearsed_backup_at: old, known_since: None };
        assert_eq!(progress(&done, "2026-06-04T00:00:00Z"), (Progress::Overdue, Progress::Overdue));
    }

    #[test]
    fn a_wedding_that_moves_here_late_has_an_hour_before_the_alarm() {
        let done = Done { known_since: Some(at("2026-06-05T10:00:00Z")), ..Done::default() };
        assert_eq!(progress(&done, "2026-06-05T10:59:59Z").0, Progress::Due);
        assert_eq!(progress(&done, "2026-06-05T11:00:00Z").0, Progress::Overdue);
        let early = Done { known_since: Some(at("2026-01-05T10:00:00Z")), ..Done::default() };
        assert_eq!(progress(&early, "2026-06-03T23:00:00Z").0, Progress::Overdue);
    }

    #[test]
    fn maintenance_rests_from_the_proof_to_the_end_of_the_weekend() {
        let nothing = Done::default();
        assert!(protocol(&nothing, "2026-06-03T22:59:59Z").allows_maintenance(at("2026-06-03T22:59:59Z")));
        assert!(!protocol(&nothing, "2026-06-03T23:00:00Z").allows_maintenance(at("2026-06-03T23:00:00Z")));
        let proven = protocol(&Done { full_backup_at: Some(at(PREPARED)), ..nothing }, PREPARED);
        assert!(!proven.allows_maintenance(at(PREPARED)));
        assert!(!proven.allows_maintenance(at("2026-06-08T22:59:59Z")));
        assert!(proven.allows_maintenance(at("2026-06-08T23:00:00Z")));
    }

    #[test]
    fn rules_out_of_order_are_refused_and_harmless() {
        assert_eq!(Rules::default().validate(), Ok(()));
        let rules = Rules { prepare_days_before: 1, due_days_before: 3, ..Rules::default() };
        assert!(rules.validate().unwrap_err().to_string().contains("before it is due"));
        let late = Rules { due_days_before: 0, ..Rules::default() };
        assert!(late.validate().is_err());
        let days = Days::single("2026-06-06".parse().unwrap());
        let spread = Spread::of(&Uuid::from_u128(5));
        let found = Protocol::of(&days, &Zone::UTC, &rules, &Done::default(), spread, at("2026-06-06T00:00:00Z"));
        assert!(found.alarms());
    }

    proptest! {
        /// Whatever the zone and the number of days: the order of things holds, and an alarm is raised in each moment of the weekend
        /// exactly if something was not done.
        #[test]
        fn an_unproven_weekend_always_alarms(
            offset in 0..800_i32, long in 0..5_i32, zone in 0..4_usize, id: u128, backup: bool, rehearsal: bool, hours in 0..72_i64,
        ) {
            let zone: Zone =
                ["UTC", "America/New_York", "Asia/Beirut", "Pacific/Auckland"][zone].parse().unwrap();
            let first = jiff::civil::date(2026, 1, 1).saturating_add(offset.days());
            let days = Days::new(first, first.saturating_add(long.days())).unwrap();
            let spread = Spread::of(&Uuid::from_u128(id));
            let rules = Rules::default();
            let plan = Protocol::of(&days, &zone, &rules, &Done::default(), spread, Timestamp::UNIX_EPOCH);
            prop_assert!(plan.full_backup.start_at < plan.due_at && plan.due_at < plan.weekend.from);
            prop_assert_eq!(plan.full_backup.progress, Progress::Ahead);
            let done = Done {
                full_backup_at: backup.then_some(plan.full_backup.start_at),
                rehearsed_backup_at: (backup && rehearsal).then_some(plan.full_backup.start_at),
                known_since: None,
            };
            let now = plan.weekend.from + hours.hours();
            let found = Protocol::of(&days, &zone, &rules, &done, spread, now);
            prop_assert_eq!(found.alarms(), !(backup && rehearsal));
            prop_assert!(!found.allows_maintenance(now));
        }
    }
}
