//! Configurations: what is backed up, when, to where, and for how long.

pub mod bulk;
pub mod create;
pub mod delete;
mod draft;
pub mod get;
pub mod list;
pub mod replace;
pub mod templates;
pub mod test;
pub mod undelete;

use super::executions;
use crate::words::Same as _;
use keepsake_api::configurations::{
    Configuration, ConfigurationSchedule, ConfigurationScope, ConfigurationWindows, EffectiveFrequency,
    RunNotifications, ScheduleKind, StoragePlace,
};
use keepsake_app::{
    configuration::Shown,
    service::{Caller, rows},
};
use keepsake_domain::{
    configuration::{Notifications, OwnWindows, Scope, StorageTarget},
    schedule::Schedule,
};

/// One, with what follows from it.
fn shown(found: Shown, caller: &Caller) -> Configuration {
    let effective = found.effective;
    Configuration {
        last_execution: found.last_execution.map(|execution| executions::shown(execution, caller)),
        effective: Some(EffectiveFrequency {
            frequency: effective.frequency.map(|frequency| frequency.same()),
            rpo_seconds: effective.rpo_seconds,
            explanation: effective.explanation,
        }),
        ..listed(found.configuration, &found.encryption_key)
    }
}

/// One of a list.
fn listed(found: rows::Configuration, encryption_key: &str) -> Configuration {
    let document = found.document;
    let (frequency, schedule) = match document.schedule {
        Some(Schedule::Frequency { frequency }) => (Some(frequency.same()), None),
        Some(other) => (None, written(&other)),
        None => (None, None),
    };
    Configuration {
        id: *found.id.as_uuid(),
        organisation_id: *found.organisation.as_uuid(),
        name: document.name,
        backup_type: document.backup_type.same(),
        source_id: *document.source_id.as_uuid(),
        scope: scope(&document.scope),
        frequency,
        schedule,
        windows: windows(document.windows),
        retention_policy_id: document.retention_policy_id.map(|id| *id.as_uuid()),
        storage_targets: document.storage_targets.iter().map(place).collect(),
        compression: document.compression.same(),
        encryption: true,
        encryption_key_id: encryption_key.to_owned(),
        is_wedding_critical: document.is_wedding_critical,
        notifications: notifications(document.notifications),
        enabled: document.enabled,
        created_by: found.created_by,
        created_at: found.created_at,
        version: found.version,
        next_run_at: found.next_run_at,
        last_run_at: found.last_run_at,
        last_execution: None,
        effective: None,
    }
}

fn scope(scope: &Scope) -> ConfigurationScope {
    let (wedding_id, criticality) = match scope {
        Scope::Wedding { wedding_id } => (Some(*wedding_id.as_uuid()), Vec::new()),
        Scope::WeddingsByRule { criticality } => (None, criticality.iter().map(|class| class.same()).collect()),
        Scope::Database | Scope::Bucket | Scope::Directory => (None, Vec::new()),
    };
    ConfigurationScope { kind: scope.kind().same(), wedding_id, criticality }
}

/// A schedule that is more than a frequency.
fn written(schedule: &Schedule) -> Option<ConfigurationSchedule> {
    let none = ConfigurationSchedule { kind: ScheduleKind::Cron, expression: None, time_zone: None, seconds: None };
    match schedule {
        Schedule::Frequency { .. } => None,
        Schedule::Interval { seconds } => {
            Some(ConfigurationSchedule { kind: ScheduleKind::Interval, seconds: Some((*seconds).into()), ..none })
        }
        Schedule::Cron { expression, time_zone } => Some(ConfigurationSchedule {
            expression: Some(expression.to_string()),
            time_zone: Some(time_zone.to_string()),
            ..none
        }),
    }
}

const fn windows(windows: OwnWindows) -> ConfigurationWindows {
    ConfigurationWindows {
        start_within_seconds: windows.start_within_seconds,
        complete_within_seconds: windows.complete_within_seconds,
        stall_seconds: windows.stall_seconds,
    }
}

fn place(place: &StorageTarget) -> StoragePlace {
    StoragePlace { tier: place.tier.same(), target_id: *place.target_id.as_uuid() }
}

const fn notifications(notifications: Notifications) -> RunNotifications {
    RunNotifications { on_success: notifications.on_success, on_failure: notifications.on_failure }
}
