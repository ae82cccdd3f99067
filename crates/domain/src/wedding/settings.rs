//! What people decided about one wedding by hand.

use super::Zone;
use crate::{criticality::Criticality, frequency::Frequency};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Overrides for one wedding (api.md section 7, `backup-settings`, without the retention policy, which is no matter of these
/// rules). `None` leaves the decision to the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Capture this often, whatever the date says.
    pub frequency_override: Option<Frequency>,
    /// Treat it as this critical, whatever the date says.
    pub criticality_override: Option<Criticality>,
    /// Days before the first day at which the high-priority period begins.
    pub high_priority_days_before: Option<u16>,
    /// Days after the last day at which the high-priority period ends.
    pub high_priority_days_after: Option<u16>,
    /// Chooses the date rules of that type in [`super::Thresholds`].
    pub wedding_type: Option<WeddingType>,
    /// The venue's time zone, where the source does not state it or is wrong.
    pub time_zone: Option<Zone>,
}

/// A setting that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("/{field}: {days} days is more than a year; use at most {}", Settings::MOST_PERIOD_DAYS)]
pub struct InvalidSettings {
    /// Which field.
    pub field: &'static str,
    /// As given.
    pub days: u16,
}

impl Settings {
    /// The high-priority period reaches at most so many days to each side of the wedding.
    pub const MOST_PERIOD_DAYS: u16 = 366;

    /// Every fault.
    pub fn validate(&self) -> Result<(), Vec<InvalidSettings>> {
        let fields = [
            ("high_priority_days_before", self.high_priority_days_before),
            ("high_priority_days_after", self.high_priority_days_after),
        ];
        let too_long = |(field, days): (&'static str, Option<u16>)| {
            let days = days.filter(|days| *days > Self::MOST_PERIOD_DAYS)?;
            Some(InvalidSettings { field, days })
        };
        let faults: Vec<InvalidSettings> = fields.into_iter().filter_map(too_long).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

/// A kind of wedding that the installation has its own date rules for, such as `destination`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WeddingType(String);

/// A text that cannot name a wedding type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a wedding type: use 1 to 40 small letters, digits and underscores")]
pub struct InvalidWeddingType(String);

impl FromStr for WeddingType {
    type Err = InvalidWeddingType;

    fn from_str(text: &str) -> Result<Self, InvalidWeddingType> {
        let fits = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
        if (1..=40).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWeddingType(text.chars().take(60).collect()))
        }
    }
}

impl TryFrom<String> for WeddingType {
    type Error = InvalidWeddingType;

    fn try_from(text: String) -> Result<Self, InvalidWeddingType> {
        text.parse()
    }
}

impl From<WeddingType> for String {
    fn from(wedding_type: WeddingType) -> Self {
        wedding_type.0
    }
}

impl fmt::Display for WeddingType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_of_more_than_a_year_is_refused() {
        let mut settings = Settings { high_priority_days_before: Some(366), ..Settings::default() };
        assert_eq!(settings.validate(), Ok(()));
        settings.high_priority_days_before = Some(367);
        settings.high_priority_days_after = Some(u16::MAX);
        let faults: Vec<String> = settings.validate().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(faults[0], "/high_priority_days_before: 367 days is more than a year; use at most 366");
        assert!(faults[1].starts_with("/high_priority_days_after: 65535 days"));
    }

    #[test]
    fn settings_are_empty_unless_said_and_strange_ones_are_refused() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        let text = r#"{"frequency_override":"hourly","wedding_type":"destination","time_zone":"Asia/Kolkata"}"#;
        let settings: Settings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.frequency_override, Some(Frequency::Hourly));
        assert_eq!(settings.wedding_type.as_ref().map(ToString::to_string).as_deref(), Some("destination"));
        assert_eq!(serde_json::from_str::<Settings>(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
        assert!(serde_json::from_str::<Settings>(r#"{"frequency":"hourly"}"#).is_err());
        assert!(serde_json::from_str::<Settings>(r#"{"wedding_type":"Big One"}"#).is_err());
    }
}
