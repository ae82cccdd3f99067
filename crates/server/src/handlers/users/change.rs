//! `PUT /api/users/{id}`.

use super::{asked_role, user};
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
    handlers::auth::given,
};
use axum::extract::State;
use keepsake_api::users::{User, UserChange};
use keepsake_app::{
    identity::{Secret, users},
    service::Caller,
};
use keepsake_domain::UserId;
use uuid::Uuid;

/// Replaces what a user is. Another role, another password, and being disabled end their sessions.
#[utoipa::path(put, path = "/api/users/{id}", tag = "identity", operation_id = "user_change",
    params(("id" = Uuid, Path, description = "The user.")), request_body = UserChange,
    responses((status = 200, description = "The user as they are now.", body = User)))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<UserChange>,
) -> Result<Json<User>> {
    let change = users::Change {
        email: Secret::new(body.email),
        display_name: body.display_name,
        role: asked_role(body.role),
        disabled: body.disabled,
        password: body.password.as_ref().map(given),
    };
    Ok(Json(user(users::change(&app.service, &caller, UserId::from_uuid(id), &change).await?)))
}
