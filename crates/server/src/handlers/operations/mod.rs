//! Restores that are asked for, previewed, watched, stopped and undone.

pub mod cancel;
pub mod emergency;
pub mod get;
pub mod initiate;
pub mod list;
pub mod undo;

use super::executions::{shown_error, shown_progress};
use crate::{
    extract::Json,
    failure::{Failure, Result},
    words::Same as _,
};
use axum::http::{HeaderName, StatusCode, header};
use keepsake_api::operations::{Operation, PlanSummary, RecoveryScope, RecoveryTarget, StartedOperation, WeddingGroup};
use keepsake_app::{
    operation::{Destination, Request},
    service::{Caller, rows},
};
use keepsake_domain::{
    Group, OperationId,
    restore::{Mode, Scope},
};
use serde::Deserialize;

/// When a look at an operation that has just been asked for is worth it.
const LOOK_AGAIN_SECONDS: &str = "1";

/// The answer to something that goes on elsewhere.
fn accepted<T>(id: OperationId, body: T) -> (StatusCode, [(HeaderName, String); 2], Json<T>) {
    let location = format!("/api/backup/recovery/operations/{id}");
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, LOOK_AGAIN_SECONDS.to_owned())];
    (StatusCode::ACCEPTED, headers, Json(body))
}

fn started(id: OperationId) -> (StatusCode, [(HeaderName, String); 2], Json<StartedOperation>) {
    accepted(id, StartedOperation { operation_id: *id.as_uuid() })
}

/// The groups that are asked for.
fn groups(scope: RecoveryScope, groups: &[WeddingGroup]) -> Result<Scope> {
    match (scope, groups) {
        (RecoveryScope::WeddingOnly, []) => Ok(Scope::whole()),
        (RecoveryScope::WeddingOnly, _) => {
            Err(Failure::invalid_at("/groups", "say scope selective to restore some groups"))
        }
        (RecoveryScope::Selective, []) => Err(Failure::invalid_at("/groups", "name at least one group")),
        (RecoveryScope::Selective, groups) => Ok(Scope::groups(groups.iter().map(|group| (*group).same()))),
    }
}

fn shown(operation: rows::Operation, caller: &Caller) -> Operation {
    let request = Request::deserialize(&operation.request).ok();
    let target = match request.as_ref().map(|request| &request.target) {
        Some(Destination::SideSchema(_)) => RecoveryTarget::SideSchema,
        Some(Destination::Live) | None => RecoveryTarget::Live,
    };
    let plan = operation.preview.as_ref().map(|preview| PlanSummary::deserialize(preview).unwrap_or_default());
    let groups = |request: &Request| request.groups.iter().map(|group: Group| group.same()).collect();
    Operation {
        id: *operation.id.as_uuid(),
        organisation_id: *operation.organisation.as_uuid(),
        state: operation.state.same(),
        source_id: *operation.source.as_uuid(),
        wedding_id: operation.wedding.map(|id| *id.as_uuid()),
        recovery_point_id: *operation.point.as_uuid(),
        undoes: operation.undoes.map(|id| *id.as_uuid()),
        groups: request.as_ref().map(groups).unwrap_or_default(),
        target,
        mode: request.as_ref().map_or(Mode::Merge, |request| request.mode).same(),
        validate_only: request.as_ref().is_some_and(|request| request.validate_only),
        is_emergency: operation.is_emergency,
        reason: operation.reason,
        requested_by: *operation.requested_by.as_uuid(),
        preview_hash: operation.preview_hash,
        plan,
        progress: shown_progress(operation.progress),
        error: operation.error.map(|error| shown_error(&error, caller.scope.operator)),
        created_at: operation.created_at,
        started_at: operation.started_at,
        ended_at: operation.ended_at,
    }
}
