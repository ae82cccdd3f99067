//! The queue: a table, written in the transaction of whoever wants work done.
//!
//! A job is *claimed* in one statement and *leased*: its worker says at intervals that it lives. A lease that ran out is
//! *reaped*, and the job queued again; each claim has a new [`LeaseId`](keepsake_domain::LeaseId), so that a worker that comes
//! back from the dead can neither renew nor end what another has taken over. No transaction is held while work is done.
//!
//! Which job is next: emergencies first, then priority, then whichever organisation has fewest running, then age. Limits
//! hold for each organisation, each source and in all (safety rule S11), over every node of the catalog.

mod claim;
mod enqueue;
mod finish;
mod lapse;
mod lease;
mod reap;
mod wake;

pub use claim::{Claimed, Lane, Limits};
pub use enqueue::{NewJob, enqueue, request_cancel, revive};
pub use finish::{Outcome, finish};
pub use lapse::lapse;
pub use lease::Heartbeat;
pub use reap::Reaped;
pub use wake::Wakeups;

use serde::{Deserialize, Serialize};

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Back something up.
    Backup,
    /// Restore a wedding, or preview it.
    Restore,
    /// Undo a restore.
    Undo,
    /// Check a recovery point.
    Verify,
    /// Look for weddings in a source.
    Sync,
    /// Rehearse a restore.
    Rehearse,
}

impl Kind {
    /// The word in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Undo => "undo",
            Self::Verify => "verify",
            Self::Sync => "sync",
            Self::Rehearse => "rehearse",
        }
    }

    fn parse(word: &str) -> crate::Result<Self> {
        [Self::Backup, Self::Restore, Self::Undo, Self::Verify, Self::Sync, Self::Rehearse]
            .into_iter()
            .find(|kind| kind.name() == word)
            .ok_or_else(|| crate::Error::row(format!("kind of job `{word}`")))
    }
}
