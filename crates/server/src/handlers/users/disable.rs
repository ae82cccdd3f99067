//! `DELETE /api/users/{id}`.

use crate::{app::App, extract::Path, failure::Result};
use axum::{extract::State, http::StatusCode};
use keepsake_app::{identity::users, service::Caller};
use keepsake_domain::UserId;
use uuid::Uuid;

/// Disables a user: they are out at once, and so are the tokens that they made. The audit log keeps their id.
#[utoipa::path(delete, path = "/api/users/{id}", tag = "identity", operation_id = "user_disable",
    params(("id" = Uuid, Path, description = "The user.")),
    responses((status = 204, description = "They are out.")))]
pub async fn disable(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<StatusCode> {
    users::disable(&app.service, &caller, UserId::from_uuid(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
