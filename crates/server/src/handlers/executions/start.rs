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
use keepsake_domain::{ConfigurationId, SourceId, TargetId, WeddingId};

/// What is to be named.
const ONE: &str = "name a wedding, a source or a configuration, one of them";

/// Starts a backup of a wedding, of a whole database, or of what a configuration says. It waits in the queue when this answers; `Location` is where to watch it.
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
    let what = match (body.configuration_id, body.wedding_id, body.source_id) {
        (Some(configuration), None, None) => What::Configuration(ConfigurationId::from_uuid(configuration)),
        (None, Some(wedding), None) => What::Wedding(WeddingId::from_uuid(wedding)),
        (None, None, Some(source)) => What::Source(SourceId::from_uuid(source)),
        (None, None, None) => {
            return Err(Failure::invalid_at("/wedding_id", "name a wedding, a source or a configuration"));
        }
        (Some(_), Some(_), _) => return Err(Failure::invalid_at("/wedding_id", ONE)),
        (_, _, Some(_)) => return Err(Failure::invalid_at("/source_id", ONE)),
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
