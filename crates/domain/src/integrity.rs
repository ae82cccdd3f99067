//! How whole a wedding's captured data is: a score from 0 to 100 with its parts and the issues found (product row B5).
//!
//! Pure arithmetic on counts. Where the counts come from (captured rows) is the connector's affair; what is done about a low
//! score (alarms, suspect points) is the service's. A part that has nothing to judge is whole: an empty wedding a year
//! ahead is in order, an empty one next week is not.

mod advice;

pub use advice::recommendation;

use serde::{Deserialize, Serialize};

/// Counts that the score is made of. All zero and `None` means: nothing known, nothing wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Days from the capture to the wedding's first day in the venue's zone; negative afterwards; `None` without a date.
    pub days_until: Option<i64>,
    /// The guest list.
    pub guests: Guests,
    /// Events and schedules.
    pub timeline: Timeline,
    /// Booked vendors.
    pub vendors: Vendors,
    /// Files that rows name.
    pub files: Files,
    /// Rows that refer to other rows.
    pub references: References,
}

/// Counts of the guest list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guests {
    /// Guests captured.
    pub rows: u64,
    /// Of them, without any name.
    pub without_name: u64,
    /// Of them, without any e-mail, phone or address, where the application has such columns.
    pub without_contact: u64,
    /// The number of guests that the wedding itself states.
    pub expected: Option<u64>,
}

/// Counts of events and schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// The mapping has a table for it.
    pub mapped: bool,
    /// Items captured.
    pub rows: u64,
    /// Of them, without a time.
    pub without_time: u64,
    /// Of them, more than three days from the wedding's days, among those that belong to the day itself.
    pub outside_dates: u64,
}

/// Counts of booked vendors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vendors {
    /// Bookings captured.
    pub rows: u64,
    /// Of them, with neither phone nor e-mail, in the booking or in the directory.
    pub without_contact: u64,
}

/// Counts of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Files that rows name.
    pub named: u64,
    /// Of them, not in the store, or named in a way that must not be followed.
    pub missing: u64,
    /// Of them, there but not readable.
    pub unreadable: u64,
    /// Of them, changed while they were read.
    pub changed: u64,
}

/// Counts of references.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// Distinct rows referred to.
    pub rows: u64,
    /// Of them, not there.
    pub dangling: u64,
}

/// A part of the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartName {
    /// The guest list.
    GuestList,
    /// The timeline.
    Timeline,
    /// Contacts of booked vendors.
    VendorContacts,
    /// Photos and documents.
    Files,
    /// References between rows.
    References,
}

impl PartName {
    /// Every part, in reading order.
    pub const ALL: [Self; 5] = [Self::GuestList, Self::Timeline, Self::VendorContacts, Self::Files, Self::References];

    /// Its share of the whole, per cent; the shares add up to 100.
    pub const fn weight(self) -> u8 {
        match self {
            Self::GuestList => 35,
            Self::Timeline => 20,
            Self::VendorContacts | Self::Files | Self::References => 15,
        }
    }
}

/// Something found wrong. Messages hold counts, never personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// How many rows or files it concerns.
    pub count: u64,
}

/// One part's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which.
    pub name: PartName,
    /// Its share of the whole, per cent.
    pub weight: u8,
    /// 0 to 100; 100 only if nothing is wrong.
    pub score: u8,
    /// What is wrong.
    pub issues: Vec<Issue>,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// 0 to 100; 100 only if nothing is wrong.
    pub total: u8,
    /// In reading order.
    pub parts: Vec<Part>,
    /// What a person could do, most valuable first.
    pub recommendations: Vec<String>,
}

/// Days before the wedding from which an empty timeline is an issue.
pub const TIMELINE_DUE_DAYS: i64 = 30;
/// Days before the wedding from which the guest list should match its stated size.
pub const GUESTS_DUE_DAYS: i64 = 180;

/// Loss counted in ten-thousandths of a part, so that one defect in a thousand still shows.
struct Judge {
    name: PartName,
    lost: u64,
    issues: Vec<Issue>,
    advice: Vec<(u64, &'static str)>,
}

const WHOLE: u64 = 10_000;

impl Judge {
    fn new(name: PartName) -> Self {
        Self { name, lost: 0, issues: Vec::new(), advice: Vec::new() }
    }

    /// `count` of `of` are defective; all of them would cost `cost` per cent of the part.
    fn defect(&mut self, (count, of): (u64, u64), cost: u64, code: &'static str, message: &str) {
        let count = count.min(of);
        if count == 0 {
            return;
        }
        let share = u128::from(count) * u128::from(cost * WHOLE / 100);
        let lost = u64::try_from(share.div_ceil(u128::from(of))).unwrap_or(WHOLE);
        self.issue(lost, code, format!("{count} of {of} {message}"), count);
    }

    fn issue(&mut self, lost: u64, code: &'static str, message: String, count: u64) {
        self.lost += lost;
        self.issues.push(Issue { code: code.to_owned(), message, count });
        self.advice.extend(recommendation(code).map(|advice| (lost * u64::from(self.name.weight()), advice)));
    }

    fn score(&self) -> u64 {
        WHOLE.saturating_sub(self.lost)
    }
}

/// Scores a wedding's data. More defects never score higher, and the result is within 0 and 100.
pub fn score(facts: &Facts) -> Score {
    let judges = [guests(facts), timeline(facts), vendors(&facts.vendors), files(&facts.files), references(facts)];
    let total: u64 = judges.iter().map(|judge| judge.score() * u64::from(judge.name.weight())).sum();
    let percent = |value: u64, whole: u64| u8::try_from(value * 100 / whole).unwrap_or(100).min(100);
    let mut advice: Vec<(u64, &str)> = judges.iter().flat_map(|judge| judge.advice.iter().copied()).collect();
    advice.sort_by_key(|(lost, _)| std::cmp::Reverse(*lost));
    Score {
        total: percent(total, WHOLE * 100),
        parts: judges
            .into_iter()
            .map(|judge| Part {
                name: judge.name,
                weight: judge.name.weight(),
                score: percent(judge.score(), WHOLE),
                issues: judge.issues,
            })
            .collect(),
        recommendations: advice.into_iter().map(|(_, text)| text.to_owned()).collect(),
    }
}

fn guests(facts: &Facts) -> Judge {
    let mut judge = Judge::new(PartName::GuestList);
    let found = &facts.guests;
    let due = facts.days_until.is_none_or(|days| days <= GUESTS_DUE_DAYS);
    if let Some(expected) = found.expected.filter(|expected| due && *expected > 0) {
        // A quarter either way is planning; beyond it the list and the stated number do not belong together.
        let apart = found.rows.abs_diff(expected).saturating_sub(expected / 4).min(expected);
        let cost = if found.rows == 0 { 100 } else { 30 };
        judge.defect((apart, expected), cost, "guest-count", "guests away from the stated number");
    }
    judge.defect((found.without_name, found.rows), 50, "guest-without-name", "guests have no name");
    judge.defect((found.without_contact, found.rows), 20, "guest-without-contact", "guests have no contact");
    judge
}

fn timeline(facts: &Facts) -> Judge {
    let mut judge = Judge::new(PartName::Timeline);
    let found = &facts.timeline;
    let due = facts.days_until.is_some_and(|days| days <= TIMELINE_DUE_DAYS);
    if found.mapped && found.rows == 0 && due {
        let message = format!("there is no timeline, and the wedding is at most {TIMELINE_DUE_DAYS} days away");
        judge.issue(WHOLE, "timeline-missing", message, 1);
    }
    judge.defect((found.without_time, found.rows), 60, "event-without-time", "events have no time");
    judge.defect((found.outside_dates, found.rows), 40, "event-outside-dates", "events are on other days");
    judge
}

fn vendors(found: &Vendors) -> Judge {
    let mut judge = Judge::new(PartName::VendorContacts);
    let message = "booked vendors have no phone or e-mail";
    judge.defect((found.without_contact, found.rows), 100, "vendor-without-contact", message);
    judge
}

fn files(found: &Files) -> Judge {
    let mut judge = Judge::new(PartName::Files);
    judge.defect((found.missing, found.named), 100, "file-missing", "files are missing");
    judge.defect((found.unreadable, found.named), 100, "file-unreadable", "files cannot be read");
    judge.defect((found.changed, found.named), 50, "file-changed", "files changed during the capture");
    judge
}

fn references(facts: &Facts) -> Judge {
    let mut judge = Judge::new(PartName::References);
    let found = &facts.references;
    judge.defect((found.dangling, found.rows), 100, "reference-dangling", "referenced rows do not exist");
    judge
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sound() -> Facts {
        Facts {
            days_until: Some(10),
            guests: Guests { rows: 200, without_name: 0, without_contact: 0, expected: Some(210) },
            timeline: Timeline { mapped: true, rows: 12, without_time: 0, outside_dates: 0 },
            vendors: Vendors { rows: 8, without_contact: 0 },
            files: Files { named: 100, ..Files::default() },
            references: References { rows: 30, dangling: 0 },
        }
    }

    #[test]
    fn sound_data_scores_100_without_issues() {
        let score = score(&sound());
        assert_eq!(score.total, 100);
        assert!(score.parts.iter().all(|part| part.score == 100 && part.issues.is_empty()));
        assert!(score.recommendations.is_empty());
        assert_eq!(score.parts.iter().map(|part| u32::from(part.weight)).sum::<u32>(), 100);
    }

    #[test]
    fn an_empty_wedding_is_in_order_a_year_ahead_and_not_next_week() {
        assert_eq!(score(&Facts::default()).total, 100);
        let mut facts = Facts { days_until: Some(365), ..Facts::default() };
        facts.guests.expected = Some(120);
        facts.timeline.mapped = true;
        assert_eq!(score(&facts).total, 100);
        facts.days_until = Some(7);
        let result = score(&facts);
        assert_eq!((result.parts[0].score, result.parts[1].score), (25, 0));
        assert_eq!(result.total, 53);
    }

    #[test]
    fn one_defect_among_a_thousand_shows() {
        let mut facts = sound();
        facts.files = Files { named: 100_000, missing: 1, ..Files::default() };
        let result = score(&facts);
        assert_eq!((result.total, result.parts[3].score), (99, 99));
        assert_eq!(result.parts[3].issues[0].code, "file-missing");
        assert!(result.recommendations[0].contains("Find the files"));
    }

    #[test]
    fn every_issue_that_can_be_found_says_what_to_do() {
        let facts = Facts {
            days_until: Some(1),
            guests: Guests { rows: 10, without_name: 1, without_contact: 1, expected: Some(100) },
            timeline: Timeline { mapped: true, rows: 2, without_time: 1, outside_dates: 1 },
            vendors: Vendors { rows: 1, without_contact: 1 },
            files: Files { named: 9, missing: 1, unreadable: 1, changed: 1 },
            references: References { rows: 9, dangling: 1 },
        };
        let without_timeline = Facts { timeline: Timeline { mapped: true, ..Timeline::default() }, ..facts };
        let found = [facts, without_timeline].map(|facts| score(&facts));
        let codes = found.iter().flat_map(|score| &score.parts).flat_map(|part| &part.issues).map(|issue| &issue.code);
        let codes: std::collections::BTreeSet<&String> = codes.collect();
        assert_eq!(codes.len(), 11);
        assert!(codes.iter().all(|code| recommendation(code).is_some_and(|advice| advice.ends_with('.'))));
        assert_eq!(recommendation("guest-of-honour"), None);
    }

    #[test]
    fn the_most_valuable_advice_comes_first() {
        let mut facts = sound();
        facts.vendors.without_contact = 1;
        facts.guests.without_name = 150;
        assert!(score(&facts).recommendations[0].contains("name"));
    }

    fn any_facts() -> impl Strategy<Value = Facts> {
        let count = || prop_oneof![0..50_u64, any::<u64>()];
        let guests = (count(), count(), count(), proptest::option::of(count()));
        let timeline = (any::<bool>(), count(), count(), count());
        let rest = (count(), count(), count(), count(), count(), count(), count(), count());
        (proptest::option::of(-1000..1000_i64), guests, timeline, rest).prop_map(|(days_until, g, t, r)| Facts {
            days_until,
            guests: Guests { rows: g.0, without_name: g.1, without_contact: g.2, expected: g.3 },
            timeline: Timeline { mapped: t.0, rows: t.1, without_time: t.2, outside_dates: t.3 },
            vendors: Vendors { rows: r.0, without_contact: r.1 },
            files: Files { named: r.2, missing: r.3, unreadable: r.4, changed: r.5 },
            references: References { rows: r.6, dangling: r.7 },
        })
    }

    proptest! {
        #[test]
        fn scores_are_bounded_and_100_means_no_issue(facts in any_facts()) {
            let score = score(&facts);
            prop_assert!(score.total <= 100 && score.parts.iter().all(|part| part.score <= 100));
            let issues: usize = score.parts.iter().map(|part| part.issues.len()).sum();
            prop_assert_eq!(score.recommendations.len(), issues, "every issue comes with what to do");
            prop_assert_eq!(score.total == 100, issues == 0);
        }

        #[test]
        fn more_defects_never_score_higher(facts in any_facts(), which in 0..9_usize, more in 1..1000_u64) {
            let mut worse = facts;
            let count = match which {
                0 => &mut worse.guests.without_name,
                1 => &mut worse.guests.without_contact,
                2 => &mut worse.timeline.without_time,
                3 => &mut worse.timeline.outside_dates,
                4 => &mut worse.vendors.without_contact,
                5 => &mut worse.files.missing,
                6 => &mut worse.files.unreadable,
                7 => &mut worse.files.changed,
                _ => &mut worse.references.dangling,
            };
            *count = count.saturating_add(more);
            prop_assert!(score(&worse).total <= score(&facts).total);
        }

        #[test]
        fn losing_guests_below_the_stated_number_never_scores_higher(rows in 0..300_u64, lost in 0..300_u64, expected in 300..400_u64) {
            let of = |rows| {
                let mut facts = sound();
                facts.guests = Guests { rows, without_name: 0, without_contact: 0, expected: Some(expected) };
                score(&facts).total
            };
            prop_assert!(of(rows.saturating_sub(lost)) <= of(rows));
        }
    }
}
