//! The time zone of a venue: a wedding's days begin and end at its midnights, not at UTC's.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A time zone of the IANA database, such as `Europe/London`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// A text that names no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone: use a name of the IANA database, such as Europe/London or UTC")]
pub struct InvalidZone(String);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The calendar date there at `now`.
    pub fn date_at(&self, now: Timestamp) -> Date {
        now.to_zoned(self.0.clone()).date()
    }

    /// The first moment of `date` there: midnight, or the first time after it where a change of the clocks skips midnight.
    /// Dates at the very end of the calendar give the nearest moment that can be written.
    pub fn start_of(&self, date: Date) -> Timestamp {
        let latest = if date.year() > 0 { Timestamp::MAX } else { Timestamp::MIN };
        date.to_zoned(self.0.clone()).and_then(|zoned| zoned.start_of_day()).map_or(latest, |zoned| zoned.timestamp())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// For calendars that need more than dates, such as cron.
    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.0
    }
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        let named = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some());
        named.map(Self).ok_or_else(|| InvalidZone(text.chars().take(60).collect()))
    }
}

impl TryFrom<String> for Zone {
    type Error = InvalidZone;

    fn try_from(text: String) -> Result<Self, InvalidZone> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name().to_owned()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.name())
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        name.parse().unwrap()
    }

    #[test]
    fn a_day_begins_at_the_venues_midnight() {
        let date = "2026-06-06".parse().unwrap();
        assert_eq!(zone("Pacific/Auckland").start_of(date).to_string(), "2026-06-05T12:00:00Z");
        assert_eq!(zone("Europe/London").start_of(date).to_string(), "2026-06-05T23:00:00Z");
        let now = "2026-06-05T23:30:00Z".parse().unwrap();
        assert_eq!(zone("Europe/London").date_at(now), date);
        assert_eq!(Zone::UTC.date_at(now).to_string(), "2026-06-05");
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_begins_at_its_first_moment() {
        // Beirut moves from 00:00 to 01:00 on 29 March 2026.
        let beirut = zone("Asia/Beirut");
        let start = beirut.start_of("2026-03-29".parse().unwrap());
        assert_eq!(start.to_string(), "2026-03-28T22:00:00Z");
        assert_eq!(beirut.date_at(start).to_string(), "2026-03-29");
    }

    #[test]
    fn the_ends_of_the_calendar_are_no_panic() {
        assert_eq!(zone("America/New_York").start_of(Date::MAX), Timestamp::MAX);
        assert_eq!(zone("Asia/Tokyo").start_of(Date::MIN), Timestamp::MIN);
    }

    #[test]
    fn zones_are_written_by_name_and_nonsense_is_refused() {
        let json = serde_json::to_string(&zone("America/New_York")).unwrap();
        assert_eq!(json, "\"America/New_York\"");
        assert_eq!(serde_json::from_str::<Zone>(&json).unwrap(), zone("America/New_York"));
        assert_eq!(format!("{} {:?}", Zone::UTC, Zone::UTC), "UTC Zone(UTC)");
        assert!("Atlantis".parse::<Zone>().unwrap_err().to_string().contains("`Atlantis`"));
        assert!(serde_json::from_str::<Zone>("\"+02:00\"").is_err());
    }
}
