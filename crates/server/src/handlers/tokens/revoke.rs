//! `DELETE /api/auth/tokens/{id}`.

use crate::{app::App, extract::Path, failure::Result};
use axum::{extract::State, http::StatusCode};
use keepsake_app::{identity::tokens, service::Caller};
use keepsake_domain::TokenId;
use uuid::Uuid;

/// Ends a token: the next request with it is refused.
#[utoipa::path(delete, path = "/api/auth/tokens/{id}", tag = "identity", operation_id = "token_revoke",
    params(("id" = Uuid, Path, description = "The token.")),
    responses((status = 204, description = "It works no more.")))]
pub async fn revoke(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode> {
    tokens::revoke(&app.service, &caller, TokenId::from_uuid(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
