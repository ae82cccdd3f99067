//! `POST /api/users`.

use super::{asked_role, user};
use crate::{app::App, extract::Json, failure::Result, handlers::auth::given};
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use keepsake_api::users::{NewUser, User};
use keepsake_app::{
    identity::{Secret, users},
    service::Caller,
};
use keepsake_domain::OrganisationId;

/// Makes a user, with a first password.
#[utoipa::path(post, path = "/api/users", tag = "identity", operation_id = "user_create", request_body = NewUser,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "They are here.", body = User,
        headers(("Location" = String, description = "Where they are.")))))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewUser>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<User>)> {
    let new = users::NewUser {
        organisation_id: body.organisation_id.map(OrganisationId::from_uuid),
        email: Secret::new(body.email),
        display_name: body.display_name,
        role: asked_role(body.role),
        password: given(&body.password),
    };
    let made = user(users::create(&app.service, &caller, &new).await?);
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/api/users/{}", made.id))], Json(made)))
}
