//! `POST /api/backup/executions/{id}/cancel`.

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
use keepsake_api::executions::CancelledExecution;
use keepsake_app::{
    execution::{self, Cancelled},
    service::Caller,
};
use keepsake_domain::ExecutionId;
use uuid::Uuid;

/// Stops a backup: at once if it waits, within seconds if it runs. No recovery point comes of it. 409 if it has ended.
#[utoipa::path(post, path = "/api/backup/executions/{id}/cancel", tag = "backups", operation_id = "execution_cancel",
    params(("id" = Uuid, Path, description = "The execution.")),
    responses((status = 200, description = "It has ended.", body = CancelledExecution),
        (status = 202, description = "Its worker has been told.", body = CancelledExecution,
            headers(("Location" = String, description = "The execution."),
                ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn cancel(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Response> {
    let execution = ExecutionId::from_uuid(id);
    let answer = |ended| CancelledExecution { execution_id: id, ended };
    Ok(match execution::cancel(&app.service, &caller, execution).await? {
        Cancelled::AtOnce => Json(answer(true)).into_response(),
        Cancelled::Soon => accepted(execution, answer(false)).into_response(),
    })
}
