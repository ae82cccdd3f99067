//! `POST /api/auth/tokens`.

use super::{asked_scopes, token};
use crate::{app::App, extract::Json, failure::Result, handlers::auth::shown};
use axum::{extract::State, http::StatusCode};
use keepsake_api::tokens::{CreatedToken, NewToken};
use keepsake_app::{identity::tokens, service::Caller};

/// Makes a token. It takes a fresh second factor, and is shown this once.
#[utoipa::path(post, path = "/api/auth/tokens", tag = "identity", operation_id = "token_create",
    request_body = NewToken, responses((status = 201, description = "It was made.", body = CreatedToken)))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>)> {
    let new = tokens::NewToken { name: body.name, scopes: asked_scopes(&body.scopes), expires_at: body.expires_at };
    let created = tokens::create(&app.service, &caller, &new).await?;
    let answer = CreatedToken { secret: shown(&created.secret), token: token(created.token) };
    Ok((StatusCode::CREATED, Json(answer)))
}
