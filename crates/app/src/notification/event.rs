//! What can happen that somebody wants to know, and how it is said: as a CloudEvent (version 1.0, JSON), with ids, counts and words, and
//! without personal data.

use crate::operation::{Destination, Request};
use jiff::Timestamp;
use keepsake_catalog::{
    executions::Execution, operations::Operation, points::Point, sources::Overdue, weddings::Wedding,
};
use keepsake_domain::{
    NotificationId, OperationId, OrganisationId, SourceId, WebhookId, WeddingId, notification::Kind,
};
use serde_json::{Map, Value, json};

/// Ids named in one event: more are only counted.
const NAMED_MAX: usize = 100;

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A backup failed and is not tried again.
    BackupFailed {
        /// Its last execution.
        execution: &'a Execution,
        /// It was an emergency.
        is_emergency: bool,
        /// The code of its error.
        code: &'a str,
    },
    /// Somebody asked for an emergency backup.
    EmergencyStarted(&'a Execution),
    /// An emergency backup is there.
    EmergencyCompleted(&'a Execution),
    /// A new point looks like damage, in a way that the one before it did not.
    PointSuspect(&'a Point),
    /// A wedding was restored.
    RestoreCompleted(&'a Operation),
    /// A restore or an undo failed.
    RestoreFailed {
        /// The operation.
        operation: &'a Operation,
        /// The code of its error.
        code: &'a str,
    },
    /// What a restore replaced is back.
    RestoreUndone {
        /// The operation that put it back.
        operation: &'a Operation,
        /// The one that was undone.
        undone: OperationId,
    },
    /// A source could not be looked at for an hour.
    SourceUnreachable(&'a Overdue),
    /// A wedding is gone from its source.
    WeddingVanished(&'a Wedding),
    /// Many weddings are gone from a source at once.
    WeddingsVanished {
        /// Whose they were.
        organisation: OrganisationId,
        /// From where.
        source: SourceId,
        /// Which.
        weddings: &'a [WeddingId],
    },
    /// A webhook was disabled because its receiver said that it is gone.
    WebhookDisabled {
        /// Whose it is.
        organisation: OrganisationId,
        /// Which.
        webhook: WebhookId,
    },
    /// Somebody tries a webhook out.
    WebhookTest {
        /// Whose it is.
        organisation: OrganisationId,
        /// Which.
        webhook: WebhookId,
    },
}

impl Event<'_> {
    /// What kind of event it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::BackupFailed { .. } => Kind::BackupFailed,
            Self::EmergencyStarted(_) => Kind::EmergencyStarted,
            Self::EmergencyCompleted(_) => Kind::EmergencyCompleted,
            Self::PointSuspect(_) => Kind::PointSuspect,
            Self::RestoreCompleted(_) => Kind::RestoreCompleted,
            Self::RestoreFailed { .. } => Kind::RestoreFailed,
            Self::RestoreUndone { .. } => Kind::RestoreUndone,
            Self::SourceUnreachable(_) => Kind::SourceUnreachable,
            Self::WeddingVanished(_) => Kind::WeddingVanished,
            Self::WeddingsVanished { .. } => Kind::WeddingsVanished,
            Self::WebhookDisabled { .. } => Kind::WebhookDisabled,
            Self::WebhookTest { .. } => Kind::WebhookTest,
        }
    }

    /// Who hears of it.
    pub const fn organisation(&self) -> OrganisationId {
        match self {
            Self::BackupFailed { execution, .. }
            | Self::EmergencyStarted(execution)
            | Self::EmergencyCompleted(execution) => execution.organisation,
            Self::PointSuspect(point) => point.organisation,
            Self::RestoreCompleted(operation)
            | Self::RestoreFailed { operation, .. }
            | Self::RestoreUndone { operation, .. } => operation.organisation,
            Self::SourceUnreachable(source) => source.organisation,
            Self::WeddingVanished(wedding) => wedding.organisation,
            Self::WeddingsVanished { organisation, .. }
            | Self::WebhookDisabled { organisation, .. }
            | Self::WebhookTest { organisation, .. } => *organisation,
        }
    }

    /// The wedding that it is about.
    pub const fn wedding(&self) -> Option<WeddingId> {
        match self {
            Self::BackupFailed { execution, .. }
            | Self::EmergencyStarted(execution)
            | Self::EmergencyCompleted(execution) => execution.wedding,
            Self::PointSuspect(point) => point.wedding,
            Self::RestoreCompleted(operation)
            | Self::RestoreFailed { operation, .. }
            | Self::RestoreUndone { operation, .. } => operation.wedding,
            Self::WeddingVanished(wedding) => Some(wedding.id),
            Self::SourceUnreachable(_)
            | Self::WeddingsVanished { .. }
            | Self::WebhookDisabled { .. }
            | Self::WebhookTest { .. } => None,
        }
    }

    /// Whether the wedding's emergency contacts hear of it.
    pub const fn is_emergency(&self) -> bool {
        match self {
            Self::BackupFailed { is_emergency, .. } => *is_emergency,
            Self::EmergencyStarted(_) | Self::EmergencyCompleted(_) => true,
            Self::RestoreCompleted(operation)
            | Self::RestoreFailed { operation, .. }
            | Self::RestoreUndone { operation, .. } => operation.is_emergency,
            Self::PointSuspect(_)
            | Self::SourceUnreachable(_)
            | Self::WeddingVanished(_)
            | Self::WeddingsVanished { .. }
            | Self::WebhookDisabled { .. }
            | Self::WebhookTest { .. } => false,
        }
    }

    /// Where it can be looked at: a path of the API.
    fn subject(&self) -> String {
        match self {
            Self::BackupFailed { execution, .. }
            | Self::EmergencyStarted(execution)
            | Self::EmergencyCompleted(execution) => format!("/api/backup/executions/{}", execution.id),
            Self::PointSuspect(point) => format!("/api/backup/recovery-points/{}", point.id),
            Self::RestoreCompleted(operation)
            | Self::RestoreFailed { operation, .. }
            | Self::RestoreUndone { operation, .. } => format!("/api/backup/recovery/operations/{}", operation.id),
            Self::SourceUnreachable(source) => format!("/api/sources/{}", source.id),
            Self::WeddingVanished(wedding) => format!("/api/weddings/{}", wedding.id),
            Self::WeddingsVanished { source, .. } => format!("/api/sources/{source}"),
            Self::WebhookDisabled { webhook, .. } | Self::WebhookTest { webhook, .. } => {
                format!("/api/webhooks/{webhook}")
            }
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::BackupFailed { execution, code, is_emergency } => {
                let more = json!({"attempts": execution.attempt, "code": code, "emergency": is_emergency});
                joined(of_execution(execution), more)
            }
            Self::EmergencyStarted(execution) | Self::EmergencyCompleted(execution) => of_execution(execution),
            Self::PointSuspect(point) => json!({
                "point_id": point.id, "wedding_id": point.wedding, "source_id": point.source,
                "execution_id": point.execution, "captured_at": point.captured_at, "findings": point.suspect,
            }),
            Self::RestoreCompleted(operation) => of_operation(operation),
            Self::RestoreFailed { operation, code } => {
                joined(of_operation(operation), json!({"code": code, "undoes": operation.undoes}))
            }
            Self::RestoreUndone { operation, undone } => joined(of_operation(operation), json!({"undone": undone})),
            Self::SourceUnreachable(source) => {
                json!({"source_id": source.id, "last_success_at": source.synced_at})
            }
            Self::WeddingVanished(wedding) => json!({
                "wedding_id": wedding.id, "source_id": wedding.source, "last_point_at": wedding.last_point_at,
            }),
            Self::WeddingsVanished { source, weddings, .. } => json!({
                "source_id": source, "count": weddings.len(),
                "wedding_ids": weddings.iter().take(NAMED_MAX).collect::<Vec<_>>(),
            }),
            Self::WebhookDisabled { webhook, .. } => json!({"webhook_id": webhook, "because": "gone"}),
            Self::WebhookTest { webhook, .. } => json!({"webhook_id": webhook}),
        }
    }
}

fn of_execution(execution: &Execution) -> Value {
    json!({
        "execution_id": execution.id, "execution_type": execution.execution_type,
        "source_id": execution.source, "wedding_id": execution.wedding,
    })
}

fn of_operation(operation: &Operation) -> Value {
    let request: Option<Request> = serde_json::from_value(operation.request.clone()).ok();
    let target = request.as_ref().map(|request| match request.target {
        Destination::Live => "live",
        Destination::SideSchema(_) => "side_schema",
    });
    json!({
        "operation_id": operation.id, "wedding_id": operation.wedding, "source_id": operation.source,
        "point_id": operation.point, "mode": request.map(|request| request.mode), "target": target,
        "emergency": operation.is_emergency,
    })
}

fn joined(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        (one, _) => one,
    }
}

/// The code in what is kept of an error.
pub(crate) fn told_code(error: Option<&Value>) -> &str {
    error.and_then(|error| error.get("code")).and_then(Value::as_str).unwrap_or("unknown")
}

/// The event in words for programs, as it is signed and sent.
pub fn cloud_event(event: &Event<'_>, id: NotificationId, at: Timestamp) -> String {
    let mut data = event.data();
    if let Value::Object(data) = &mut data {
        leave_out_nulls(data);
    }
    json!({
        "specversion": "1.0",
        "id": id,
        "source": format!("/api/organisations/{}", event.organisation()),
        "type": event.kind(),
        "subject": event.subject(),
        "time": format!("{at:.6}"),
        "datacontenttype": "application/json",
        "data": data,
    })
    .to_string()
}

fn leave_out_nulls(data: &mut Map<String, Value>) {
    data.retain(|_, value| !value.is_null());
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_largest_event_is_smaller_than_receivers_must_take() {
        let weddings: Vec<WeddingId> = (0..5000).map(|id| WeddingId::from_uuid(Uuid::from_u128(id))).collect();
        let (organisation, source) =
            (OrganisationId::from_uuid(Uuid::from_u128(1)), SourceId::from_uuid(Uuid::from_u128(2)));
        let event = Event::WeddingsVanished { organisation, source, weddings: &weddings };
        let body = cloud_event(&event, NotificationId::from_uuid(Uuid::from_u128(3)), Timestamp::UNIX_EPOCH);
        assert!(body.len() < 20_000, "{}", body.len());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["data"]["count"], 5000);
        assert_eq!(body["data"]["wedding_ids"].as_array().unwrap().len(), NAMED_MAX);
    }
}
