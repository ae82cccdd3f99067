//! `GET /api/auth/tokens/{id}`.

use super::token;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::tokens::Token;
use keepsake_app::{identity::tokens, service::Caller};
use keepsake_domain::TokenId;
use uuid::Uuid;

/// One token, without anything by which it could be used.
#[utoipa::path(get, path = "/api/auth/tokens/{id}", tag = "identity", operation_id = "token_get",
    params(("id" = Uuid, Path, description = "The token.")),
    responses((status = 200, description = "The token.", body = Token)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Token>> {
    Ok(Json(token(tokens::get(&app.service, &caller, TokenId::from_uuid(id)).await?)))
}
