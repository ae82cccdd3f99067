//! `PUT /api/weddings/{id}/members`.

use super::shown_members;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::weddings::WeddingMembers;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::{UserId, WeddingId};
use uuid::Uuid;

/// Makes exactly these users the members of a wedding.
#[utoipa::path(put, path = "/api/weddings/{id}/members", tag = "weddings", operation_id = "wedding_members_set",
    params(("id" = Uuid, Path, description = "The wedding.")), request_body = WeddingMembers,
    responses((status = 200, description = "The members as they are now.", body = WeddingMembers)))]
pub async fn set_members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<WeddingMembers>,
) -> Result<Json<WeddingMembers>> {
    let users: Vec<UserId> = body.members.into_iter().map(UserId::from_uuid).collect();
    let set = wedding::set_members(&app.service, &caller, WeddingId::from_uuid(id), &users).await?;
    Ok(Json(shown_members(set)))
}
