//! Configurations: what somebody wants to be backed up, when, to where, and for how long (api.md, section 1).
//!
//! What a body says is a [`Draft`], in which anything may be missing or wrong; what is kept is a [`Document`], in which nothing is.
//! Whether the things that it names are there is the use case's to find out. A configuration adds runs to those that weddings have by
//! their day ([`crate::protection`]); it never takes any away.

mod draft;
mod effective;
mod weaker;

pub use draft::{Draft, Fault};
pub use effective::{Covered, Effective};

use crate::{
    PolicyId, SourceId, Spread, TargetId, WeddingId,
    criticality::Criticality,
    frequency::Frequency,
    schedule::{Schedule, Windows},
    tier::Tier,
    word::words,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

words! {
    /// How a backup is made. All of them restore alike.
    BackupType {
        /// Everything is read, stored and verified, changed or not.
        Full = "full",
        /// What is as in its newest point is confirmed and not stored again.
        Incremental = "incremental",
        /// Some groups or tables only.
        Selective = "selective",
        /// As full, before everything else, and only when somebody asks.
        Emergency = "emergency",
    }
}

words! {
    /// What of a source is backed up.
    ScopeKind {
        /// A whole database.
        Database = "database",
        /// One wedding.
        Wedding = "wedding",
        /// The weddings of a source, or those of some classes.
        WeddingsByRule = "weddings_by_rule",
        /// A bucket.
        Bucket = "bucket",
        /// A folder of the host.
        Directory = "directory",
    }
}

words! {
    /// Whether content is compressed.
    Compression {
        /// Where that pays.
        Auto = "auto",
        /// Never.
        Off = "off",
        /// As small as can be.
        Max = "max",
    }
}

/// What is backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// The whole database.
    Database,
    /// One wedding.
    Wedding {
        /// Which.
        wedding_id: WeddingId,
    },
    /// The weddings of the source that belong to the configuration's organisation.
    WeddingsByRule {
        /// Of these classes only; all of them if there is none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        criticality: Vec<Criticality>,
    },
    /// The whole bucket.
    Bucket,
    /// The whole folder.
    Directory,
}

impl Scope {
    /// Its kind.
    pub const fn kind(&self) -> ScopeKind {
        match self {
            Self::Database => ScopeKind::Database,
            Self::Wedding { .. } => ScopeKind::Wedding,
            Self::WeddingsByRule { .. } => ScopeKind::WeddingsByRule,
            Self::Bucket => ScopeKind::Bucket,
            Self::Directory => ScopeKind::Directory,
        }
    }

    /// Whether it is about weddings, which are captured by their day anyway.
    pub const fn is_weddings(&self) -> bool {
        matches!(self, Self::Wedding { .. } | Self::WeddingsByRule { .. })
    }

    /// Whether a wedding of the same source and organisation is in it.
    pub fn has(&self, wedding: WeddingId, class: Criticality) -> bool {
        match self {
            Self::Wedding { wedding_id } => *wedding_id == wedding,
            Self::WeddingsByRule { criticality } => criticality.is_empty() || criticality.contains(&class),
            Self::Database | Self::Bucket | Self::Directory => false,
        }
    }

    /// How much it is meant for single weddings: of several that have a wedding, the most particular decides.
    pub const fn particularity(&self) -> u8 {
        match self {
            Self::Wedding { .. } => 2,
            Self::WeddingsByRule { criticality } if !criticality.is_empty() => 1,
            _ => 0,
        }
    }
}

/// A place for copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageTarget {
    /// Which copy.
    pub tier: Tier,
    /// Where to.
    pub target_id: TargetId,
}

/// Windows that somebody chose, in seconds; the others are those of [`Windows::default_for`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnWindows {
    /// A run that has not started so long after it was queued lapses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_within_seconds: Option<u32>,
    /// A run that takes longer is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_within_seconds: Option<u32>,
    /// A run without progress for so long is stopped, and tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_seconds: Option<u32>,
}

/// What is told to those who are to hear of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// Of runs that ended well.
    pub on_success: bool,
    /// Of runs that did not.
    pub on_failure: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { on_success: false, on_failure: true }
    }
}

/// A configuration without faults of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What people call it.
    pub name: String,
    /// How backups are made.
    pub backup_type: BackupType,
    /// Of what.
    pub source_id: SourceId,
    /// What of it.
    pub scope: Scope,
    /// When it runs by itself; never, beyond what its weddings have by their day, if `None`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub schedule: Option<Schedule>,
    /// Windows that somebody chose.
    #[serde(default)]
    pub windows: OwnWindows,
    /// For how long; the usual days if `None`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retention_policy_id: Option<PolicyId>,
    /// Where to.
    pub storage_targets: Vec<StorageTarget>,
    /// Whether content is compressed.
    pub compression: Compression,
    /// Its runs are as urgent as those of a critical wedding.
    pub is_wedding_critical: bool,
    /// What is told.
    pub notifications: Notifications,
    /// It runs.
    pub enabled: bool,
}

impl Document {
    /// The windows of its runs.
    pub fn windows(&self, spread: Spread, now: Timestamp) -> Windows {
        let pause = self.schedule.as_ref().and_then(|schedule| schedule.longest_pause(spread, now));
        let usual = Windows::default_for(pause.and_then(Frequency::of_pause).unwrap_or(Frequency::Weekly));
        Windows {
            start_within_seconds: self.windows.start_within_seconds.unwrap_or(usual.start_within_seconds),
            complete_within_seconds: self.windows.complete_within_seconds.unwrap_or(usual.complete_within_seconds),
            stall_seconds: self.windows.stall_seconds.unwrap_or(usual.stall_seconds),
        }
    }

    /// Its first run after `now`, if it runs by itself.
    pub fn next_run(&self, spread: Spread, now: Timestamp) -> Option<Timestamp> {
        self.schedule.as_ref().filter(|_| self.enabled)?.next_after(spread, now)
    }
}

#[cfg(test)]
mod tests;
