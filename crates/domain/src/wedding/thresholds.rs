//! Every number that the rules of product.md B1, B2 and B3 compare with, as the system configuration holds them.

use super::{Currency, WeddingType, Zone};
use crate::word::words;
use jiff::civil::{self, Date};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The numbers that decide how a wedding is protected. Missing fields have the default of product.md.
///
/// Deserialising does not judge: call [`Thresholds::validate`] before they are put to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Distances from the day (B1, B3).
    pub dates: DateRules,
    /// The same for weddings of a type, instead of `dates`. What a type leaves out has the default of product.md, not that of `dates`.
    pub wedding_types: BTreeMap<WeddingType, DateRules>,
    /// What makes a wedding risky (B2).
    pub risk: RiskThresholds,
    /// So many risk factors or more promote the frequency by one step (B3).
    pub promoting_risks: u8,
    /// For weddings whose venue's time zone is not known.
    pub time_zone: Zone,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            dates: DateRules::default(),
            wedding_types: BTreeMap::new(),
            risk: RiskThresholds::default(),
            promoting_risks: 2,
            time_zone: Zone::UTC,
        }
    }
}

/// Distances from the day, in calendar days of the venue; `before` counts to the first day, `after` from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DateRules {
    /// B1: critical from so many days before.
    pub critical_days_before: u16,
    /// B1: high from so many days before.
    pub high_days_before: u16,
    /// B1: medium from so many days before.
    pub medium_days_before: u16,
    /// B1: critical until so many days after.
    pub critical_days_after: u16,
    /// B1: high until so many days after.
    pub high_days_after: u16,
    /// B1: medium until so many days after.
    pub medium_days_after: u16,
    /// B1: the high-priority period begins so many days before.
    pub high_priority_days_before: u16,
    /// B1: the high-priority period ends so many days after.
    pub high_priority_days_after: u16,
    /// B3: hourly from so many days before.
    pub hourly_days_before: u16,
    /// B3: daily from so many days before.
    pub daily_days_before: u16,
    /// B3: daily until so many days after.
    pub daily_days_after: u16,
}

impl Default for DateRules {
    fn default() -> Self {
        Self {
            critical_days_before: 14,
            high_days_before: 30,
            medium_days_before: 90,
            critical_days_after: 7,
            high_days_after: 30,
            medium_days_after: 365,
            high_priority_days_before: 7,
            high_priority_days_after: 1,
            hourly_days_before: 30,
            daily_days_before: 180,
            daily_days_after: 30,
        }
    }
}

/// When a fact is a risk factor (B2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RiskThresholds {
    /// More guests than this.
    pub guests_over: u64,
    /// A budget of more than this, in whole pounds.
    pub budget_over_gbp: u64,
    /// What one unit of another currency is worth, in millionths of a pound. A budget in a currency without a rate is not judged.
    pub gbp_millionths: BTreeMap<Currency, u64>,
    /// Weekdays that are busy for everybody.
    pub weekend: BTreeSet<Weekday>,
    /// So many booked vendors or more.
    pub booked_vendors: u64,
    /// So many overlapping pairs of bookings or more.
    pub overlapping_vendor_slots: u64,
    /// So many rows changed within 7 days or more.
    pub changed_rows_7_days: u64,
}

impl Default for RiskThresholds {
    fn default() -> Self {
        Self {
            guests_over: 200,
            budget_over_gbp: 50_000,
            gbp_millionths: BTreeMap::new(),
            weekend: BTreeSet::from([Weekday::Saturday, Weekday::Sunday]),
            booked_vendors: 8,
            overlapping_vendor_slots: 1,
            changed_rows_7_days: 20,
        }
    }
}

words! {
    /// A day of the week.
    Weekday {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
}

impl Weekday {
    /// Its name as sentences write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Monday => "Monday",
            Self::Tuesday => "Tuesday",
            Self::Wednesday => "Wednesday",
            Self::Thursday => "Thursday",
            Self::Friday => "Friday",
            Self::Saturday => "Saturday",
            Self::Sunday => "Sunday",
        }
    }

    /// That of a date.
    pub fn of(date: Date) -> Self {
        match date.weekday() {
            civil::Weekday::Monday => Self::Monday,
            civil::Weekday::Tuesday => Self::Tuesday,
            civil::Weekday::Wednesday => Self::Wednesday,
            civil::Weekday::Thursday => Self::Thursday,
            civil::Weekday::Friday => Self::Friday,
            civil::Weekday::Saturday => Self::Saturday,
            civil::Weekday::Sunday => Self::Sunday,
        }
    }
}

/// A fault of the thresholds: where it is (a JSON pointer below them) and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct InvalidThresholds {
    /// Where.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Thresholds {
    /// The most days that any distance may have: ten years.
    pub const MOST_DAYS: u16 = 3653;

    /// Every fault, so that a person can mend all at once. The ladders must be in order, or a wedding would become less
    /// protected as its day comes nearer.
    pub fn validate(&self) -> Result<(), Vec<InvalidThresholds>> {
        let mut faults = Vec::new();
        self.dates.faults("/dates", &mut faults);
        for (wedding_type, rules) in &self.wedding_types {
            rules.faults(&format!("/wedding_types/{wedding_type}"), &mut faults);
        }
        let mut fault = |pointer: &str, message: &str| {
            faults.push(InvalidThresholds { pointer: pointer.to_owned(), message: message.to_owned() });
        };
        if self.promoting_risks == 0 {
            fault("/promoting_risks", "0 would promote every wedding; use at least 1");
        }
        if self.risk.overlapping_vendor_slots == 0 {
            fault("/risk/overlapping_vendor_slots", "0 would make every wedding risky; use at least 1");
        }
        if self.risk.booked_vendors == 0 {
            fault("/risk/booked_vendors", "0 would make every wedding risky; use at least 1");
        }
        if self.risk.changed_rows_7_days == 0 {
            fault("/risk/changed_rows_7_days", "0 would make every wedding risky; use at least 1");
        }
        if self.risk.gbp_millionths.values().any(|rate| *rate == 0) {
            fault(
                "/risk/gbp_millionths",
                "a rate of 0 would make every budget worthless; leave the currency out instead",
            );
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    /// The distances for a wedding of this type; those of all weddings for an unknown one.
    pub fn dates_for(&self, wedding_type: Option<&WeddingType>) -> &DateRules {
        wedding_type.and_then(|wedding_type| self.wedding_types.get(wedding_type)).unwrap_or(&self.dates)
    }
}

impl DateRules {
    fn faults(&self, pointer: &str, faults: &mut Vec<InvalidThresholds>) {
        let ladders: [&[(&str, u16)]; 4] = [
            &[
                ("critical_days_before", self.critical_days_before),
                ("high_days_before", self.high_days_before),
                ("medium_days_before", self.medium_days_before),
            ],
            &[
                ("critical_days_after", self.critical_days_after),
                ("high_days_after", self.high_days_after),
                ("medium_days_after", self.medium_days_after),
            ],
            &[
                ("high_priority_days_before", self.high_priority_days_before),
                ("hourly_days_before", self.hourly_days_before),
                ("daily_days_before", self.daily_days_before),
            ],
            &[("high_priority_days_after", self.high_priority_days_after), ("daily_days_after", self.daily_days_after)],
        ];
        for ladder in ladders {
            for pair in ladder.windows(2) {
                if let [(lower_name, lower), (name, value)] = pair
                    && lower > value
                {
                    let message =
                        format!("{value} is less than {lower_name}, {lower}: nearer the day must not mean less");
                    faults.push(InvalidThresholds { pointer: format!("{pointer}/{name}"), message });
                }
            }
            for (name, value) in ladder.iter().filter(|(_, value)| *value > Thresholds::MOST_DAYS) {
                let message = format!("{value} days is more than ten years; use at most {}", Thresholds::MOST_DAYS);
                faults.push(InvalidThresholds { pointer: format!("{pointer}/{name}"), message });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound_and_round_trip() {
        let thresholds = Thresholds::default();
        assert_eq!(thresholds.validate(), Ok(()));
        assert_eq!(serde_json::from_str::<Thresholds>("{}").unwrap(), thresholds);
        let json = serde_json::to_string(&thresholds).unwrap();
        assert_eq!(serde_json::from_str::<Thresholds>(&json).unwrap(), thresholds);
    }

    #[test]
    fn every_fault_is_found_at_once_with_its_place() {
        let text = r#"{
            "dates": {"critical_days_before": 40, "daily_days_before": 5000, "daily_days_after": 0},
            "wedding_types": {"elopement": {"medium_days_after": 10}},
            "risk": {"overlapping_vendor_slots": 0, "booked_vendors": 0, "changed_rows_7_days": 0, "gbp_millionths": {"EUR": 0}},
            "promoting_risks": 0
        }"#;
        let thresholds: Thresholds = serde_json::from_str(text).unwrap();
        let faults = thresholds.validate().unwrap_err();
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        let expected = [
            "/dates/high_days_before",
            "/dates/daily_days_before",
            "/dates/daily_days_after",
            "/wedding_types/elopement/medium_days_after",
            "/promoting_risks",
            "/risk/overlapping_vendor_slots",
            "/risk/booked_vendors",
            "/risk/changed_rows_7_days",
            "/risk/gbp_millionths",
        ];
        assert_eq!(places, expected);
        assert!(faults[0].to_string().contains("30 is less than critical_days_before, 40"));
    }

    #[test]
    fn a_misspelt_threshold_is_refused_rather_than_ignored() {
        assert!(serde_json::from_str::<Thresholds>(r#"{"dates": {"critical_days": 3}}"#).is_err());
    }

    #[test]
    fn weekdays_are_those_of_the_calendar() {
        let monday: Date = "2026-06-01".parse().unwrap();
        for (offset, weekday) in (0..).zip(Weekday::ALL) {
            assert_eq!(Weekday::of(monday.saturating_add(jiff::Span::new().days(offset))), *weekday);
            assert_eq!(weekday.title().to_lowercase(), weekday.name());
        }
    }
}
