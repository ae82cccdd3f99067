//! `GET /api/weddings/{id}/timeline`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::status::{TimelineBackup, TimelinePoint, TimelineRestore, WeddingTimeline};
use keepsake_app::{
    service::{Caller, rows},
    wedding,
};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// A wedding's past, for drawing: its points, backups that somebody asked for, and restores.
#[utoipa::path(get, path = "/api/weddings/{id}/timeline", tag = "weddings", operation_id = "wedding_timeline",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "Its past.", body = WeddingTimeline)))]
pub async fn timeline(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<WeddingTimeline>> {
    let past = wedding::timeline(&app.service, &caller, WeddingId::from_uuid(id)).await?;
    let point = |point: rows::Point| TimelinePoint {
        recovery_point_id: *point.id.as_uuid(),
        captured_at: point.captured_at,
        confirmed_at: point.confirmed_at,
        suspect: !point.suspect.is_empty(),
        incomplete: point.incomplete,
        integrity_score: point.integrity_score,
    };
    let backup = |execution: rows::Execution| TimelineBackup {
        execution_id: *execution.id.as_uuid(),
        execution_type: execution.execution_type.same(),
        state: execution.state.same(),
        created_at: execution.created_at,
    };
    let restore = |operation: rows::Operation| TimelineRestore {
        operation_id: *operation.id.as_uuid(),
        state: operation.state.same(),
        recovery_point_id: *operation.point.as_uuid(),
        created_at: operation.created_at,
    };
    Ok(Json(WeddingTimeline {
        wedding_id: id,
        points: past.points.into_iter().map(point).collect(),
        backups: past.executions.into_iter().map(backup).collect(),
        restores: past.operations.into_iter().map(restore).collect(),
    }))
}
