//! `POST /api/backup/recovery/operations/{id}/cancel`.

use super::accepted;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use keepsake_api::operations::CancelledOperation;
use keepsake_app::{
    operation::{self, Cancelled},
    service::Caller,
};
use keepsake_domain::OperationId;
use uuid::Uuid;

/// Stops a restore before its commit: it rolls back wholly. 409 if it has ended; then the undo is the way back.
#[utoipa::path(post, path = "/api/backup/recovery/operations/{id}/cancel", tag = "recovery", operation_id = "operation_cancel",
    params(("id" = Uuid, Path, description = "The operation.")),
    responses((status = 200, description = "It has ended.", body = CancelledOperation),
        (status = 202, description = "Its worker has been told.", body = CancelledOperation,
            headers(("Location" = String, description = "The operation."),
                ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn cancel(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Response> {
    let operation = OperationId::from_uuid(id);
    let answer = |ended| CancelledOperation { operation_id: id, ended };
    Ok(match operation::cancel(&app.service, &caller, operation).await? {
        Cancelled::AtOnce => Json(answer(true)).into_response(),
        Cancelled::Soon => accepted(operation, answer(false)).into_response(),
    })
}
