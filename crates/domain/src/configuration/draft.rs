//! What a body says of a configuration, and every fault of it that can be seen without looking anything up.

use super::{BackupType, Compression, Document, Notifications, OwnWindows, Scope, StorageTarget};
use crate::{OrganisationId, PolicyId, SourceId, frequency::Frequency, schedule::Schedule};
use std::fmt;

/// Something that cannot be used, with its place in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer.
    pub pointer: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Fault {
    /// One at a place.
    pub fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

/// A configuration as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// For whom; whose source it is, if it does not say.
    pub organisation_id: Option<OrganisationId>,
    /// What people call it.
    pub name: Option<String>,
    /// How backups are made.
    pub backup_type: Option<BackupType>,
    /// Of what.
    pub source_id: Option<SourceId>,
    /// What of it.
    pub scope: Option<Scope>,
    /// How often: the short way to write a schedule.
    pub frequency: Option<Frequency>,
    /// When.
    pub schedule: Option<Schedule>,
    /// Windows that somebody chose.
    pub windows: OwnWindows,
    /// For how long.
    pub retention_policy_id: Option<PolicyId>,
    /// Where to.
    pub storage_targets: Option<Vec<StorageTarget>>,
    /// Whether content is compressed.
    pub compression: Compression,
    /// Whether it is encrypted. It is.
    pub encryption: bool,
    /// Its runs are as urgent as those of a critical wedding.
    pub is_wedding_critical: bool,
    /// What is told.
    pub notifications: Notifications,
    /// It runs.
    pub enabled: bool,
    /// What could not even be read.
    pub unread: Vec<Fault>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            organisation_id: None,
            name: None,
            backup_type: None,
            source_id: None,
            scope: None,
            frequency: None,
            schedule: None,
            windows: OwnWindows::default(),
            retention_policy_id: None,
            storage_targets: None,
            compression: Compression::Auto,
            encryption: true,
            is_wedding_critical: false,
            notifications: Notifications::default(),
            enabled: true,
            unread: Vec::new(),
        }
    }
}

/// Windows and limits may be set from so many seconds ...
const LEAST_SECONDS: u32 = 60;
/// ... to so many: a week.
const MOST_SECONDS: u32 = 7 * 86_400;
const NAME_CHARS_MAX: usize = 200;

impl Draft {
    /// Every fault of it, those of its reading first.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = self.unread.clone();
        // What could not be read is not missing, too.
        let unread = |field: &str| {
            let inside = format!("{field}/");
            self.unread.iter().any(|fault| fault.pointer == field || fault.pointer.starts_with(&inside))
        };
        let required = [
            ("/name", self.name.is_none(), "say what it is called"),
            ("/backup_type", self.backup_type.is_none(), "say full, incremental or emergency"),
            ("/source_id", self.source_id.is_none(), "say of which source"),
            ("/scope", self.scope.is_none(), "say what of the source"),
            ("/storage_targets", self.storage_targets.is_none(), "say where to"),
        ];
        let missing = required.into_iter().filter(|(field, missing, _)| *missing && !unread(field));
        faults.extend(missing.map(|(field, _, message)| Fault::at(field, message)));
        let is_name = |name: &String| {
            !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control)
        };
        if self.name.as_ref().is_some_and(|name| !is_name(name)) {
            faults.push(Fault::at("/name", "use 1 to 200 printable characters"));
        }
        if !self.encryption {
            faults.push(Fault::at("/encryption", "backups are always encrypted: leave it out"));
        }
        if self.compression != Compression::Auto {
            faults.push(Fault::at("/compression", "not yet: use auto, which compresses where that pays"));
        }
        self.kinds(&mut faults);
        self.times(&mut faults);
        self.targets(&mut faults);
        faults
    }

    fn kinds(&self, faults: &mut Vec<Fault>) {
        if self.backup_type == Some(BackupType::Selective) {
            faults
                .push(Fault::at("/backup_type", "not yet: backups of some groups only are not made; use incremental"));
        }
        match &self.scope {
            Some(Scope::Bucket) => {
                faults.push(Fault::at("/scope/kind", "not yet: buckets are backed up by the command line"))
            }
            Some(Scope::WeddingsByRule { criticality }) => {
                let mut seen = criticality.clone();
                seen.sort_unstable();
                seen.dedup();
                if seen.len() < criticality.len() {
                    faults.push(Fault::at("/scope/criticality", "a class is named twice"));
                }
            }
            _ => {}
        }
    }

    fn times(&self, faults: &mut Vec<Fault>) {
        let has_schedule = self.frequency.is_some() || self.schedule.is_some();
        if self.frequency.is_some() && self.schedule.is_some() {
            faults.push(Fault::at("/schedule", "give a frequency or a schedule, not both"));
        }
        let emergency = self.backup_type == Some(BackupType::Emergency);
        if emergency && has_schedule {
            let field = if self.frequency.is_some() { "/frequency" } else { "/schedule" };
            faults.push(Fault::at(field, "an emergency backup is made when somebody asks, not by a schedule"));
        }
        let unread = self.unread.iter().any(|fault| {
            fault.pointer == "/frequency" || fault.pointer == "/schedule" || fault.pointer.starts_with("/schedule/")
        });
        let by_day = self.scope.as_ref().is_none_or(Scope::is_weddings);
        if !by_day && !has_schedule && !emergency && !unread {
            faults.push(Fault::at("/frequency", "say how often: only weddings have a day to go by"));
        }
        let windows = [
            ("start_within_seconds", self.windows.start_within_seconds),
            ("complete_within_seconds", self.windows.complete_within_seconds),
            ("stall_seconds", self.windows.stall_seconds),
        ];
        for (field, seconds) in windows {
            if seconds.is_some_and(|seconds| !(LEAST_SECONDS..=MOST_SECONDS).contains(&seconds)) {
                let message = format!("use {LEAST_SECONDS} to {MOST_SECONDS} seconds");
                faults.push(Fault::at(format!("/windows/{field}"), message));
            }
        }
    }

    fn targets(&self, faults: &mut Vec<Fault>) {
        match self.storage_targets.as_deref() {
            Some([]) => faults.push(Fault::at("/storage_targets", "say where to: name one target")),
            Some([_, _, ..]) => {
                let message = "not yet: name one target; copies to further tiers are not made";
                faults.push(Fault::at("/storage_targets/1", message));
            }
            Some([_]) | None => {}
        }
    }

    /// The document, if nothing of it is missing. [`Self::faults`] says what.
    pub fn into_document(self) -> Option<Document> {
        let by_frequency = self.frequency.map(|frequency| Schedule::Frequency { frequency });
        Some(Document {
            name: self.name?.trim().to_owned(),
            backup_type: self.backup_type?,
            source_id: self.source_id?,
            scope: self.scope?,
            schedule: self.schedule.or(by_frequency),
            windows: self.windows,
            retention_policy_id: self.retention_policy_id,
            storage_targets: self.storage_targets?,
            compression: self.compression,
            is_wedding_critical: self.is_wedding_critical,
            notifications: self.notifications,
            enabled: self.enabled,
        })
    }
}
