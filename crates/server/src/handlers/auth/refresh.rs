//! `POST /api/auth/refresh`.

use super::session;
use crate::{
    app::App,
    extract::{Json, Request},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::auth::{RefreshRequest, Session};
use keepsake_app::identity;

/// Goes on with a session: a new access token, and a new refresh token in place of the old.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "identity", operation_id = "refresh", security(()),
    request_body = RefreshRequest, responses((status = 200, description = "The session.", body = Session)))]
pub async fn refresh(
    State(app): State<App>,
    Request(request): Request,
    Json(body): Json<RefreshRequest>,
) -> Result<Json<Session>> {
    Ok(Json(session(identity::refresh(&app.service, body.refresh_token.expose(), request).await?)))
}
