//! `GET /api/weddings/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::weddings::Wedding;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// One wedding.
#[utoipa::path(get, path = "/api/weddings/{id}", tag = "weddings", operation_id = "wedding_get",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "The wedding.", body = Wedding)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Wedding>> {
    Ok(Json(shown(wedding::get(&app.service, &caller, WeddingId::from_uuid(id)).await?)))
}
