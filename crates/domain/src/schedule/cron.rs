//! Runs by the calendar, in the five fields of cron.

use crate::{spread::Spread, wedding::Zone};
use croner::parser::{CronParser, Seconds, Year};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// A run by cron starts at its time or up to this much later, always equally much for the same id.
pub const CRON_JITTER: SignedDuration = SignedDuration::from_mins(5);

/// A cron expression of five fields: minute, hour, day of month, month, day of week. As usual for cron, a day matches if its
/// number or its weekday does, when both are given.
///
/// When the clocks change (tested):
/// - a run at a fixed time that is skipped takes place at the first moment after the gap, and one whose time comes twice takes place once,
///   the first time;
/// - runs by `*` or `*/n` go on with the clock: none in the gap, and again in the hour that comes twice.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    text: String,
    parsed: Arc<croner::Cron>,
}

/// A text that is no cron expression, or one that never comes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// It cannot be read.
    #[error("`{text}` is not a cron expression ({reason}): use five fields, such as `0 2 * * *` for every day at two")]
    Syntax {
        /// As given, shortened.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Such as 30 February.
    #[error("`{0}` never comes: give a day that the month has")]
    Never(String),
}

impl Cron {
    /// Longer ones are refused unread.
    pub const MOST_CHARS: usize = 200;

    pub(super) fn next_after(&self, zone: &Zone, spread: Spread, after: Timestamp) -> Option<Timestamp> {
        let jitter = spread.within(CRON_JITTER);
        let from = after.checked_sub(jitter).ok()?.to_zoned(zone.time_zone().clone());
        let next = self.parsed.find_next_occurrence(&from, false).ok()?;
        next.timestamp().checked_add(jitter).ok()
    }

    pub(super) fn latest_at(&self, zone: &Zone, spread: Spread, at: Timestamp) -> Option<Timestamp> {
        let jitter = spread.within(CRON_JITTER);
        let from = at.checked_sub(jitter).ok()?.to_zoned(zone.time_zone().clone());
        let latest = self.parsed.find_previous_occurrence(&from, true).ok()?;
        latest.timestamp().checked_add(jitter).ok()
    }
}

impl FromStr for Cron {
    type Err = InvalidCron;

    fn from_str(text: &str) -> Result<Self, InvalidCron> {
        let shown = || text.chars().take(60).collect::<String>();
        let syntax = |reason: String| InvalidCron::Syntax { text: shown(), reason };
        if text.len() > Self::MOST_CHARS {
            return Err(syntax("it is too long".to_owned()));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(text).map_err(|error| syntax(error.to_string()))?;
        // Any start will do: a date that exists comes again within eight years (29 February over 2100).
        let start = Timestamp::UNIX_EPOCH.to_zoned(Zone::UTC.time_zone().clone());
        parsed.find_next_occurrence(&start, false).map_err(|_| InvalidCron::Never(shown()))?;
        Ok(Self { text: text.to_owned(), parsed: Arc::new(parsed) })
    }
}

impl TryFrom<String> for Cron {
    type Error = InvalidCron;

    fn try_from(text: String) -> Result<Self, InvalidCron> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> Self {
        cron.text
    }
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Cron {}

impl fmt::Debug for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cron({})", self.text)
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
