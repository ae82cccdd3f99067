//! `PUT /api/users/{id}/emergency-authorisation`.

use super::user;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::users::{EmergencyAuthorisation, User};
use keepsake_app::{identity::users, service::Caller};
use keepsake_domain::UserId;
use uuid::Uuid;

/// Lets a user run emergency restores, or no more. It takes a fresh second factor.
#[utoipa::path(put, path = "/api/users/{id}/emergency-authorisation", tag = "identity",
    operation_id = "user_authorise_emergency", params(("id" = Uuid, Path, description = "The user.")),
    request_body = EmergencyAuthorisation,
    responses((status = 200, description = "The user as they are now.", body = User)))]
pub async fn authorise(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<EmergencyAuthorisation>,
) -> Result<Json<User>> {
    let id = UserId::from_uuid(id);
    Ok(Json(user(users::authorise_emergency(&app.service, &caller, id, body.authorised).await?)))
}
