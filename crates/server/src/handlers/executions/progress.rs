//! `GET /api/backup/progress/{execution_id}`.

use super::shown_progress;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::executions::ExecutionProgress;
use keepsake_app::{execution, service::Caller};
use keepsake_domain::ExecutionId;
use uuid::Uuid;

/// How far a backup is, as of its worker's last heartbeat.
#[utoipa::path(get, path = "/api/backup/progress/{execution_id}", tag = "backups", operation_id = "execution_progress",
    params(("execution_id" = Uuid, Path, description = "The execution.")),
    responses((status = 200, description = "How far it is.", body = ExecutionProgress)))]
pub async fn progress(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<ExecutionProgress>> {
    let found = execution::get(&app.service, &caller, ExecutionId::from_uuid(id)).await?;
    Ok(Json(ExecutionProgress {
        execution_id: *found.id.as_uuid(),
        state: found.state.same(),
        progress: shown_progress(found.progress),
    }))
}
