//! `POST /api/backup/executions/{id}/retry`.

use super::accepted;
use crate::{app::App, extract::Path, failure::Result};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::executions::StartedExecution;
use keepsake_app::{execution, service::Caller};
use keepsake_domain::ExecutionId;
use uuid::Uuid;

/// Tries a backup again that failed. What it had stored is used. If the next attempt waits already, that one comes at once.
#[utoipa::path(post, path = "/api/backup/executions/{id}/retry", tag = "backups", operation_id = "execution_retry",
    params(("id" = Uuid, Path, description = "The execution that failed."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued.", body = StartedExecution,
        headers(("Location" = String, description = "The new execution."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn retry(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let next = execution::retry(&app.service, &caller, ExecutionId::from_uuid(id)).await?;
    Ok(accepted(next, StartedExecution { execution_id: *next.as_uuid(), joined: false }))
}
