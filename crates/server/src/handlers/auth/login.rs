//! `POST /api/auth/login`.

use super::{given, session};
use crate::{
    app::App,
    extract::{Json, Request},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::auth::{LoginRequest, Session};
use keepsake_app::identity::{self, Login};

/// Begins a session. Five failures for an address in 15 minutes close it for as long (429).
#[utoipa::path(post, path = "/api/auth/login", tag = "identity", operation_id = "login", security(()),
    request_body = LoginRequest, responses((status = 200, description = "The session.", body = Session)))]
pub async fn login(
    State(app): State<App>,
    Request(request): Request,
    Json(body): Json<LoginRequest>,
) -> Result<Json<Session>> {
    let login = Login { email: identity::Secret::new(body.email), password: given(&body.password) };
    Ok(Json(session(identity::login(&app.service, &login, request).await?)))
}
