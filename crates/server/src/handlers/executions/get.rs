//! `GET /api/backup/executions/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::executions::Execution;
use keepsake_app::{execution, service::Caller};
use keepsake_domain::ExecutionId;
use uuid::Uuid;

/// One backup: where it is, how far, what it measured, and why it failed.
#[utoipa::path(get, path = "/api/backup/executions/{id}", tag = "backups", operation_id = "execution_get",
    params(("id" = Uuid, Path, description = "The execution.")),
    responses((status = 200, description = "The execution.", body = Execution)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Execution>> {
    let found = execution::get(&app.service, &caller, ExecutionId::from_uuid(id)).await?;
    Ok(Json(shown(found, &caller)))
}
