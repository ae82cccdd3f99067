//! `POST /api/backup/recovery/initiate`.

use super::{groups, started};
use crate::{
    app::App,
    extract::{Json, Query},
    failure::{Failure, Result},
    words::Same as _,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::operations::{NewRecovery, RecoveryTarget, StartedOperation, ValidateQuery};
use keepsake_app::{
    operation::{self, Destination, Initiate, Request, Which},
    service::Caller,
};
use keepsake_domain::{PointId, WeddingId, restore::Mode};

/// Restores a wedding, or some groups of it, or only says what would happen (`validate_only=true`). Takes a fresh second factor. It waits in
/// the queue's emergency lane when this answers; `Location` is where to watch it.
#[utoipa::path(post, path = "/api/backup/recovery/initiate", tag = "recovery", operation_id = "recovery_initiate",
    request_body = NewRecovery,
    params(ValidateQuery, ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued.", body = StartedOperation,
        headers(("Location" = String, description = "The operation."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn initiate(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ValidateQuery>,
    Json(body): Json<NewRecovery>,
) -> Result<impl IntoResponse> {
    let which = match (body.recovery_point_id, body.target_time) {
        (Some(point), None) => Which::Point(PointId::from_uuid(point)),
        (None, Some(time)) => Which::At(time),
        (None, None) => Which::LastClean,
        (Some(_), Some(_)) => return Err(Failure::invalid_at("/target_time", "name a point or a time, not both")),
    };
    let target = match (body.target, body.side_schema) {
        (RecoveryTarget::Live, None) => Destination::Live,
        (RecoveryTarget::Live, Some(_)) => {
            return Err(Failure::invalid_at("/side_schema", "say target side_schema to restore beside live"));
        }
        (RecoveryTarget::SideSchema, Some(name)) => Destination::SideSchema(name),
        (RecoveryTarget::SideSchema, None) => return Err(Failure::invalid_at("/side_schema", "name the new schema")),
    };
    let request = Request {
        groups: groups(body.scope, &body.groups)?,
        target,
        mode: body.mode.map_or(Mode::Merge, |mode| mode.same()),
        conflicts: body.conflicts.same(),
        validate_only: query.validate_only,
        preview_hash: body.preview_hash,
    };
    let asked = Initiate { wedding: WeddingId::from_uuid(body.wedding_id), which, request, reason: body.reason };
    Ok(started(operation::initiate(&app.service, &caller, &asked).await?))
}
