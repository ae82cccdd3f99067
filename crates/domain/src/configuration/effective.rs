//! How often what a configuration is about is captured in the end, and why: its own runs together with those by the day.

use super::{BackupType, Document, Scope};
use crate::{Spread, frequency::Frequency, schedule::Schedule};
use jiff::{SignedDuration, Timestamp};

/// The weddings that are in a configuration's scope now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Covered {
    /// How many.
    pub weddings: u64,
    /// How often the one that is captured least often is captured by its day; `None` if there is none.
    pub least_often: Option<Frequency>,
}

/// How often, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// As a word, if it is at least weekly.
    pub frequency: Option<Frequency>,
    /// At most so much time of changes is lost, in seconds, if all goes well.
    pub rpo_seconds: Option<i64>,
    /// The reasons in words, a sentence each.
    pub explanation: Vec<String>,
}

impl Document {
    /// Decides. `covered` counts for scopes of weddings only.
    pub fn effective(&self, covered: Covered, spread: Spread, now: Timestamp) -> Effective {
        let own = self.schedule.as_ref().filter(|_| self.enabled).and_then(|own| own.longest_pause(spread, now));
        let by_day = covered.least_often.filter(|_| self.scope.is_weddings());
        let pause = [own, by_day.map(Frequency::rpo)].into_iter().flatten().min();
        let mut explanation = vec![self.own_runs(own)];
        explanation.extend(self.runs_by_day(covered));
        explanation.push(match pause {
            Some(pause) => format!("Together, at most {} of changes is lost.", words(pause)),
            None => "Nothing runs by itself: a backup is made when somebody asks for one.".to_owned(),
        });
        Effective {
            frequency: pause.and_then(Frequency::of_pause),
            rpo_seconds: pause.map(|pause| pause.as_secs()),
            explanation,
        }
    }

    fn own_runs(&self, pause: Option<SignedDuration>) -> String {
        match (&self.schedule, pause) {
            _ if !self.enabled => "It is switched off, and has no runs of its own.".to_owned(),
            (Some(Schedule::Cron { expression, time_zone }), Some(pause)) => {
                let pause = words(pause);
                format!("It runs by the calendar, `{expression}` in {time_zone}: the longest pause is {pause}.")
            }
            (Some(Schedule::Frequency { frequency }), Some(_)) => format!("It runs at the frequency {frequency}."),
            (Some(_), Some(pause)) => format!("It runs every {}.", words(pause)),
            (Some(_), None) => "Its calendar has no further run.".to_owned(),
            (None, _) if self.backup_type == BackupType::Emergency => {
                "It is for emergencies: it runs when somebody asks, before everything else.".to_owned()
            }
            (None, _) => "It has no schedule, so it adds no runs.".to_owned(),
        }
    }

    fn runs_by_day(&self, covered: Covered) -> Option<String> {
        let each = match &self.scope {
            Scope::Wedding { .. } => "The wedding is".to_owned(),
            Scope::WeddingsByRule { .. } => format!("{} weddings are in it now, each", covered.weddings),
            Scope::Database | Scope::Bucket | Scope::Directory => return None,
        };
        Some(match covered.least_often {
            Some(frequency) => {
                format!("{each} captured by its day, with or without this: at least at the frequency {frequency}.")
            }
            None => "No wedding is in it now.".to_owned(),
        })
    }
}

fn words(pause: SignedDuration) -> String {
    let seconds = pause.as_secs();
    let (count, unit) = match seconds {
        _ if seconds % 86_400 == 0 => (seconds / 86_400, "day"),
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}
