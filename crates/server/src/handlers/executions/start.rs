//! `POST /api/backup/execute`.

use super::accepted;
use crate::{
    app::App,
    extract::Json,
    failure::{Failure, Result},
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::executions::{AskedKind, NewExecution, StartedExecution};
use keepsake_app::{
    execution::{self, Asked, What},
    service::Caller,
};
use keepsake_domain::{SourceId, TargetId, WeddingId};

/// Starts a backup of a wedding or of a whole database. It waits in the queue when this answers; `Location` is where to watch it.
#[utoipa::path(post, path = "/api/backup/execute", tag = "backups", operation_id = "backup_execute",
    request_body = NewExecution,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued.", body = StartedExecution,
        headers(("Location" = String, description = "The execution."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn start(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewExecution>,
) -> Result<impl IntoResponse> {
    let what = match (body.wedding_id, body.source_id) {
        (Some(wedding), None) => What::Wedding(WeddingId::from_uuid(wedding)),
        (None, Some(source)) => What::Source(SourceId::from_uuid(source)),
        (None, None) => return Err(Failure::invalid_at("/wedding_id", "name a wedding or a source")),
        (Some(_), Some(_)) => return Err(Failure::invalid_at("/source_id", "name a wedding or a source, not both")),
    };
    let asked = Asked {
        what,
        target: body.target_id.map(TargetId::from_uuid),
        emergency: body.execution_type == AskedKind::Emergency,
        reason: body.reason,
    };
    let started = execution::start(&app.service, &caller, &asked).await?;
    let body = StartedExecution { execution_id: *started.execution.as_uuid(), joined: started.joined };
    Ok(accepted(started.execution, body))
}
