//! `POST /api/auth/logout`.

use crate::{app::App, failure::Result};
use axum::{extract::State, http::StatusCode};
use keepsake_app::{identity, service::Caller};

/// Ends the caller's session: its tokens work no more.
#[utoipa::path(post, path = "/api/auth/logout", tag = "identity", operation_id = "logout",
    responses((status = 204, description = "It is over.")))]
pub async fn logout(State(app): State<App>, caller: Caller) -> Result<StatusCode> {
    identity::logout(&app.service, &caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
