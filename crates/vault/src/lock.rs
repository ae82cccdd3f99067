//! restic's lock files: who is at work in a repository.
//!
//! Keepsake writes none by default, because a writer that may not delete would leave them for ever (safety rule S18); it
//! reads them, to report a stock restic at work.

use crate::{
    id::Id,
    json::{self, JsonError},
    time::Time,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a lock counts without being refreshed; restic's own limit.
pub const STALE_AFTER: SignedDuration = SignedDuration::from_mins(30);
/// How often a lock that is held is written anew; restic's own interval.
pub const REFRESH_EVERY: std::time::Duration = std::time::Duration::from_secs(5 * 60);

/// The content of a lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// When it was written or refreshed.
    pub time: Time,
    /// Whether nobody else may work: `prune`, `check`, `unlock`.
    #[serde(default)]
    pub exclusive: bool,
    /// The machine.
    #[serde(default)]
    pub hostname: String,
    /// The user.
    #[serde(default)]
    pub username: String,
    /// The process.
    #[serde(default)]
    pub pid: i64,
    /// The user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// The user's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// A lock file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The file.
    pub id: Id,
    /// Its content.
    pub lock: Lock,
}

impl Lock {
    /// Reads the unsealed, uncompressed document.
    ///
    /// # Errors
    /// [`JsonError`] if it is none.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        json::parse(json)
    }

    /// The document, to be compressed and sealed.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }

    /// Whether it was not refreshed for so long that its holder must be gone.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now.duration_since(self.time.moment()) > STALE_AFTER
    }

    /// Whether the holder of this lock and a worker that needs an `exclusive` or a shared one cannot both work.
    pub fn excludes(&self, exclusive: bool, now: Timestamp) -> bool {
        (self.exclusive || exclusive) && !self.is_stale(now)
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.exclusive { "exclusive" } else { "shared" };
        write!(f, "{}@{} (process {}, {kind}, since {})", self.username, self.hostname, self.pid, self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(exclusive: bool) -> Lock {
        let time = Time::parse("2026-06-06T12:00:00Z").unwrap();
        Lock { time, exclusive, hostname: "h".into(), username: "u".into(), pid: 7, uid: None, gid: Some(0) }
    }

    #[test]
    fn s18_locks_round_trip_and_exclude_as_restics_do() {
        let now = |text: &str| text.parse::<Timestamp>().unwrap();
        let (fresh, late) = (now("2026-06-06T12:30:00Z"), now("2026-06-06T12:30:01Z"));
        for (held, wanted, excluded) in
            [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
        {
            assert_eq!(lock(held).excludes(wanted, fresh), excluded);
            assert!(!lock(held).excludes(wanted, late), "stale after half an hour");
        }
        assert_eq!(Lock::parse(&lock(true).encode()).unwrap(), lock(true));
        assert_eq!(lock(true).to_string(), "u@h (process 7, exclusive, since 2026-06-06T12:00:00Z)");
        assert!(Lock::parse(b"{}").is_err());
    }
}
