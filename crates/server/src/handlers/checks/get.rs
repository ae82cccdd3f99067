//! `GET /api/backup/recovery/checks/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::checks::Check;
use keepsake_app::{check, service::Caller};
use keepsake_domain::CheckId;
use uuid::Uuid;

/// One check: where it is, what was looked at, and what is wrong.
#[utoipa::path(get, path = "/api/backup/recovery/checks/{id}", tag = "recovery", operation_id = "check_get",
    params(("id" = Uuid, Path, description = "The check.")),
    responses((status = 200, description = "The check.", body = Check)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Check>> {
    let found = check::get(&app.service, &caller, CheckId::from_uuid(id)).await?;
    Ok(Json(shown(found, &caller)))
}
