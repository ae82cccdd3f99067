//! `GET /api/weddings/{id}/members`.

use super::shown_members;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::weddings::WeddingMembers;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// The users who see a wedding as their own.
#[utoipa::path(get, path = "/api/weddings/{id}/members", tag = "weddings", operation_id = "wedding_members",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "Their ids.", body = WeddingMembers)))]
pub async fn members(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<WeddingMembers>> {
    Ok(Json(shown_members(wedding::members(&app.service, &caller, WeddingId::from_uuid(id)).await?)))
}
