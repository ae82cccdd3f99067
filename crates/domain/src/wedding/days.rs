//! The days of a wedding, and how far from them a moment is.

use super::Zone;
use jiff::{Timestamp, ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

/// The days of a wedding, both ends included. A wedding of one day begins and ends on the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Raw")]
pub struct Days {
    first: Date,
    last: Date,
}

#[derive(Deserialize)]
struct Raw {
    first: Date,
    last: Date,
}

/// Days that no wedding has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDays {
    /// The wedding would end before it begins.
    #[error("the last day, {last}, is before the first, {first}: give them in order")]
    Backwards {
        /// As given.
        first: Date,
        /// As given.
        last: Date,
    },
    /// More days than any wedding has: one of the two is a mistake, and believing it would keep the highest protection for years.
    #[error("{first} to {last} is longer than {} days: correct one of the two", Days::MOST)]
    TooLong {
        /// As given.
        first: Date,
        /// As given.
        last: Date,
    },
}

impl Days {
    /// The most days that a wedding may have.
    pub const MOST: i32 = 31;

    /// A wedding of one day.
    pub const fn single(day: Date) -> Self {
        Self { first: day, last: day }
    }

    /// From `first` to `last`, both included.
    pub fn new(first: Date, last: Date) -> Result<Self, InvalidDays> {
        match days_between(first, last) {
            span if span < 0 => Err(InvalidDays::Backwards { first, last }),
            span if span >= Self::MOST => Err(InvalidDays::TooLong { first, last }),
            _ => Ok(Self { first, last }),
        }
    }

    /// The first day.
    pub const fn first(&self) -> Date {
        self.first
    }

    /// The last day.
    pub const fn last(&self) -> Date {
        self.last
    }

    /// Each day, in order.
    pub fn iter(&self) -> impl Iterator<Item = Date> + use<> {
        let last = self.last;
        self.first.series(1.day()).take_while(move |day| *day <= last)
    }

    /// Where `today` stands to them.
    pub fn proximity(&self, today: Date) -> Proximity {
        if today < self.first {
            Proximity::Before(days_between(today, self.first).unsigned_abs())
        } else if today > self.last {
            Proximity::After(days_between(self.last, today).unsigned_abs())
        } else {
            Proximity::During
        }
    }

    /// The first moment of the day that is `offset` days from the first day (negative: before it), in `zone`.
    pub fn from_first(&self, offset: i32, zone: &Zone) -> Timestamp {
        zone.start_of(self.first.saturating_add(offset.days()))
    }

    /// The first moment of the day that is `offset` days after the last day, in `zone`.
    pub fn from_last(&self, offset: i32, zone: &Zone) -> Timestamp {
        zone.start_of(self.last.saturating_add(offset.days()))
    }
}

impl TryFrom<Raw> for Days {
    type Error = InvalidDays;

    fn try_from(raw: Raw) -> Result<Self, InvalidDays> {
        Self::new(raw.first, raw.last)
    }
}

/// Whole days from one date to another; negative if it lies before.
fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// Where a date stands to a wedding, in calendar days of the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proximity {
    /// No date is known.
    Undated,
    /// So many days until the first day, at least 1.
    Before(u32),
    /// One of its days.
    During,
    /// So many days since the last day, at least 1.
    After(u32),
}

impl Proximity {
    /// Days until the first day; 0 on its days; negative since the last; `None` without a date.
    pub fn days_until(self) -> Option<i64> {
        match self {
            Self::Undated => None,
            Self::Before(days) => Some(i64::from(days)),
            Self::During => Some(0),
            Self::After(days) => Some(-i64::from(days)),
        }
    }

    /// Whether it is at most `before` days until the first day or at most `after` days since the last.
    pub fn is_within(self, before: u16, after: u16) -> bool {
        match self {
            Self::Undated => false,
            Self::Before(days) => days <= u32::from(before),
            Self::During => true,
            Self::After(days) => days <= u32::from(after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn a_wedding_of_three_days_counts_to_its_first_and_from_its_last() {
        let days = Days::new(date("2026-06-05"), date("2026-06-07")).unwrap();
        assert_eq!(days.proximity(date("2026-06-01")), Proximity::Before(4));
        assert_eq!(days.proximity(date("2026-06-06")), Proximity::During);
        assert_eq!(days.proximity(date("2026-06-08")), Proximity::After(1));
        assert_eq!(days.iter().count(), 3);
    }

    #[test]
    fn days_that_no_wedding_has_are_refused_and_said_so() {
        let backwards = Days::new(date("2026-06-07"), date("2026-06-05")).unwrap_err();
        assert!(backwards.to_string().contains("before the first"));
        let long = Days::new(date("2026-06-07"), date("2027-06-07")).unwrap_err();
        assert!(long.to_string().contains("longer than 31 days"));
        assert!(serde_json::from_str::<Days>(r#"{"first":"2026-06-07","last":"2026-06-05"}"#).is_err());
        assert!(Days::new(date("2026-06-01"), date("2026-07-01")).is_ok());
        assert!(Days::new(date("2026-06-01"), date("2026-07-02")).is_err());
    }

    #[test]
    fn days_round_trip_as_json() {
        let days = Days::single(date("2026-06-06"));
        let json = serde_json::to_string(&days).unwrap();
        assert_eq!(json, r#"{"first":"2026-06-06","last":"2026-06-06"}"#);
        assert_eq!(serde_json::from_str::<Days>(&json).unwrap(), days);
    }

    proptest! {
        #[test]
        fn each_day_is_one_nearer_until_the_first_and_one_further_after_the_last(long in 0..10_i32, offset in -800..800_i32) {
            let first = date("2026-06-06");
            let days = Days::new(first, first.saturating_add(long.days())).unwrap();
            let here = days.proximity(first.saturating_add(offset.days())).days_until().unwrap();
            let expected = if offset < 0 { -offset } else if offset <= long { 0 } else { long - offset };
            prop_assert_eq!(here, i64::from(expected));
        }
    }
}
