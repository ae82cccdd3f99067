//! `GET /api/users/{id}`.

use super::user;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::users::User;
use keepsake_app::{identity::users, service::Caller};
use keepsake_domain::UserId;
use uuid::Uuid;

/// One user.
#[utoipa::path(get, path = "/api/users/{id}", tag = "identity", operation_id = "user_get",
    params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 200, description = "The user.", body = User)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<User>> {
    Ok(Json(user(users::get(&app.service, &caller, UserId::from_uuid(id)).await?)))
}
