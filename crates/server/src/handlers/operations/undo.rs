//! `POST /api/backup/recovery/operations/{id}/undo`.

use super::started;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::operations::{NewUndo, StartedOperation};
use keepsake_app::{operation, service::Caller};
use keepsake_domain::OperationId;
use uuid::Uuid;

/// Puts back the state that was saved before a restore: a new operation, which can be undone, too. Takes a fresh second factor. 409 unless
/// the operation is completed and changed live.
#[utoipa::path(post, path = "/api/backup/recovery/operations/{id}/undo", tag = "recovery", operation_id = "operation_undo",
    params(("id" = Uuid, Path, description = "The operation to undo."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    request_body = NewUndo,
    responses((status = 202, description = "It is queued.", body = StartedOperation,
        headers(("Location" = String, description = "The new operation."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn undo(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<NewUndo>,
) -> Result<impl IntoResponse> {
    Ok(started(operation::undo(&app.service, &caller, OperationId::from_uuid(id), &body.reason).await?))
}
