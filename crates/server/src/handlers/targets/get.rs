//! `GET /api/backup/storage/targets/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::targets::Target;
use keepsake_app::{service::Caller, target};
use keepsake_domain::TargetId;
use uuid::Uuid;

/// One target.
#[utoipa::path(get, path = "/api/backup/storage/targets/{id}", tag = "storage", operation_id = "target_get",
    params(("id" = Uuid, Path, description = "The target.")),
    responses((status = 200, description = "The target.", body = Target)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Target>> {
    Ok(Json(shown(target::get(&app.service, &caller, TargetId::from_uuid(id)).await?)))
}
