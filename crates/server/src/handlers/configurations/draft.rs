//! The body of a configuration, read field by field, so that whoever sent it is told of every fault at once. What it may say is
//! described by [`keepsake_api::configurations::NewConfiguration`].

use keepsake_domain::{
    Criticality, WeddingId,
    configuration::{Compression, Draft, Fault, Notifications, OwnWindows, Scope, ScopeKind, StorageTarget},
    schedule::{Cron, Interval, Schedule},
    wedding::Zone,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{fmt::Display, str::FromStr};

/// Longest name of an unknown field that is repeated.
const FIELD_CHARS: usize = 60;

/// The fields of an object, and what is wrong with those that were taken.
struct Fields {
    /// Pointer of the object.
    at: String,
    rest: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fields {
    fn of(at: String, value: Value) -> Self {
        match value {
            Value::Object(rest) => Self { at, rest, faults: Vec::new() },
            _ => {
                let faults = vec![Fault::at(at.clone(), "an object is expected")];
                Self { at, rest: Map::new(), faults }
            }
        }
    }

    fn fault(&mut self, name: &str, message: impl Display) {
        self.faults.push(Fault::at(format!("{}/{name}", self.at), message.to_string()));
    }

    /// A field, if it is there; `null` is as good as absent.
    fn value(&mut self, name: &str) -> Option<Value> {
        self.rest.remove(name).filter(|value| !value.is_null())
    }

    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match serde_json::from_value(self.value(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.take::<String>(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    fn object(&mut self, name: &str) -> Option<Self> {
        let at = format!("{}/{name}", self.at);
        self.value(name).map(|value| Self::of(at, value))
    }

    /// What was not asked for is not known.
    fn end(mut self) -> Vec<Fault> {
        for name in std::mem::take(&mut self.rest).into_iter().map(|(name, _)| name) {
            let known =
                |char: char| if char.is_ascii_graphic() && !matches!(char, ';' | ':' | '/' | '~') { char } else { '_' };
            let shown: String = name.chars().take(FIELD_CHARS).map(known).collect();
            self.fault(&shown, "there is no such field");
        }
        self.faults
    }
}

/// The draft that a body says; what could not be read is in it, too.
pub(super) fn read(body: Value) -> Draft {
    let mut fields = Fields::of(String::new(), body);
    let usual = Draft::default();
    let mut draft = Draft {
        organisation_id: fields.take("organisation_id"),
        name: fields.take("name"),
        backup_type: fields.take("backup_type"),
        source_id: fields.take("source_id"),
        frequency: fields.take("frequency"),
        retention_policy_id: fields.take("retention_policy_id"),
        compression: fields.take::<Compression>("compression").unwrap_or(usual.compression),
        encryption: fields.take("encryption").unwrap_or(usual.encryption),
        is_wedding_critical: fields.take("is_wedding_critical").unwrap_or(usual.is_wedding_critical),
        enabled: fields.take("enabled").unwrap_or(usual.enabled),
        ..usual
    };
    let mut inside = Vec::new();
    if let Some(object) = fields.object("scope") {
        draft.scope = scope(object, &mut inside);
    }
    if let Some(object) = fields.object("schedule") {
        draft.schedule = schedule(object, &mut inside);
    }
    if let Some(mut object) = fields.object("windows") {
        draft.windows = OwnWindows {
            start_within_seconds: object.take("start_within_seconds"),
            complete_within_seconds: object.take("complete_within_seconds"),
            stall_seconds: object.take("stall_seconds"),
        };
        inside.extend(object.end());
    }
    if let Some(mut object) = fields.object("notifications") {
        let usual = Notifications::default();
        draft.notifications = Notifications {
            on_success: object.take("on_success").unwrap_or(usual.on_success),
            on_failure: object.take("on_failure").unwrap_or(usual.on_failure),
        };
        inside.extend(object.end());
    }
    if let Some(list) = fields.take::<Vec<Value>>("storage_targets") {
        // All are read before the first that cannot be ends it.
        let places: Vec<Option<StorageTarget>> =
            list.into_iter().enumerate().map(|(n, value)| place(n, value, &mut inside)).collect();
        draft.storage_targets = places.into_iter().collect();
    }
    draft.unread = fields.end();
    draft.unread.extend(inside);
    draft
}

fn place(n: usize, value: Value, faults: &mut Vec<Fault>) -> Option<StorageTarget> {
    let mut object = Fields::of(format!("/storage_targets/{n}"), value);
    let is_object = object.faults.is_empty();
    let (tier, target_id) = (object.take("tier"), object.take("target_id"));
    for (name, missing) in [("tier", tier.is_none()), ("target_id", target_id.is_none())] {
        let said = object.faults.iter().any(|fault| fault.pointer.ends_with(name));
        if is_object && missing && !said {
            object.fault(name, "say which");
        }
    }
    faults.extend(object.end());
    Some(StorageTarget { tier: tier?, target_id: target_id? })
}

fn scope(mut object: Fields, faults: &mut Vec<Fault>) -> Option<Scope> {
    let kind = object.take::<ScopeKind>("kind");
    if kind.is_none() && object.faults.is_empty() {
        object.fault("kind", "say what of the source");
    }
    let scope = kind.and_then(|kind| {
        Some(match kind {
            ScopeKind::Database => Scope::Database,
            ScopeKind::Bucket => Scope::Bucket,
            ScopeKind::Directory => Scope::Directory,
            ScopeKind::WeddingsByRule => Scope::WeddingsByRule {
                criticality: object.take::<Vec<Criticality>>("criticality").unwrap_or_default(),
            },
            ScopeKind::Wedding => {
                let wedding_id: Option<WeddingId> = object.take("wedding_id");
                if wedding_id.is_none() && object.faults.is_empty() {
                    object.fault("wedding_id", "say which wedding");
                }
                Scope::Wedding { wedding_id: wedding_id? }
            }
        })
    });
    faults.extend(object.end());
    scope
}

fn schedule(mut object: Fields, faults: &mut Vec<Fault>) -> Option<Schedule> {
    let kind: Option<String> = object.take("kind");
    let schedule = match kind.as_deref() {
        Some("cron") => {
            let (expression, time_zone) = (object.parse::<Cron>("expression"), object.parse::<Zone>("time_zone"));
            for (name, missing) in [("expression", expression.is_none()), ("time_zone", time_zone.is_none())] {
                if missing && !object.faults.iter().any(|fault| fault.pointer.ends_with(name)) {
                    object.fault(name, "a calendar has an expression and a time zone");
                }
            }
            expression.zip(time_zone).map(|(expression, time_zone)| Schedule::Cron { expression, time_zone })
        }
        Some("interval") => {
            let seconds: Option<Interval> = object.take("seconds");
            if seconds.is_none() && object.faults.is_empty() {
                object.fault("seconds", "say how many from one start to the next");
            }
            seconds.map(|seconds| Schedule::Interval { seconds })
        }
        Some(_) => {
            object.fault("kind", "say cron or interval; a frequency has its own field");
            None
        }
        None => {
            if object.faults.is_empty() {
                object.fault("kind", "say cron or interval");
            }
            None
        }
    };
    faults.extend(object.end());
    schedule
}

#[cfg(test)]
mod tests {
    use super::*;
    use keepsake_api::{
        configurations::{self as api, NewConfiguration},
        targets::StorageTier,
        weddings::{CaptureFrequency, WeddingClass},
    };
    use keepsake_domain::{Frequency, configuration::BackupType};
    use serde_json::json;
    use uuid::Uuid;

    fn pointers(body: Value) -> Vec<String> {
        read(body).faults().into_iter().map(|fault| fault.pointer).collect()
    }

    /// The described body and what is read are one: a field of one that the other does not know is a fault.
    #[test]
    fn every_described_field_is_read() {
        let id = Uuid::from_u128(7);
        let body = NewConfiguration {
            organisation_id: Some(id),
            name: "nightly".to_owned(),
            backup_type: api::BackupType::Incremental,
            source_id: id,
            scope: api::ConfigurationScope {
                kind: api::ScopeKind::WeddingsByRule,
                wedding_id: None,
                criticality: vec![WeddingClass::High],
            },
            frequency: Some(CaptureFrequency::Daily),
            schedule: None,
            windows: Some(api::ConfigurationWindows {
                start_within_seconds: Some(61),
                complete_within_seconds: Some(62),
                stall_seconds: Some(63),
            }),
            retention_policy_id: Some(id),
            storage_targets: vec![api::StoragePlace { tier: StorageTier::Local, target_id: id }],
            compression: api::Compression::Auto,
            encryption: true,
            is_wedding_critical: true,
            notifications: api::RunNotifications { on_success: true, on_failure: false },
            enabled: false,
        };
        let draft = read(json!(body));
        assert_eq!(draft.faults(), []);
        assert_eq!((draft.backup_type, draft.frequency), (Some(BackupType::Incremental), Some(Frequency::Daily)));
        assert_eq!(draft.scope, Some(Scope::WeddingsByRule { criticality: vec![Criticality::High] }));
        assert_eq!(draft.windows.stall_seconds, Some(63));
        assert!(draft.notifications.on_success && !draft.notifications.on_failure && !draft.enabled);
        let cron = json!({"kind": "cron", "expression": "0 2 * * *", "time_zone": "Europe/London"});
        let read_cron = read(json!({"schedule": cron})).schedule.unwrap();
        assert_eq!(json!(read_cron), cron);
        assert!(read(json!({"schedule": {"kind": "interval", "seconds": 900}})).schedule.is_some());
    }

    #[test]
    fn faults_of_every_field_are_found_at_once() {
        let found = pointers(json!({
            "name": 7,
            "backup_type": "odd",
            "source_id": "me",
            "scope": {"kind": "wedding"},
            "schedule": {"kind": "cron", "expression": "61 * * * *", "time_zone": "Atlantis", "seconds": 7},
            "windows": {"start_within_seconds": "soon", "stall_seconds": 1},
            "storage_targets": [{"tier": "attic"}, 7],
            "encryption": false,
            "surprise; /x": 1,
        }));
        for expected in [
            "/name",
            "/backup_type",
            "/source_id",
            "/surprise___x",
            "/scope/wedding_id",
            "/schedule/expression",
            "/schedule/time_zone",
            "/schedule/seconds",
            "/windows/start_within_seconds",
            "/windows/stall_seconds",
            "/storage_targets/0/tier",
            "/storage_targets/0/target_id",
            "/storage_targets/1",
            "/encryption",
        ] {
            assert_eq!(found.iter().filter(|pointer| *pointer == expected).count(), 1, "{expected}: {found:?}");
        }
        assert_eq!(found.len(), 14, "{found:?}");
        assert_eq!(pointers(json!([])), ["", "/name", "/backup_type", "/source_id", "/scope", "/storage_targets"]);
    }
}
