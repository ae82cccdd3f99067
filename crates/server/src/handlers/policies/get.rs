//! `GET /api/backup/retention/policies/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::policies::RetentionPolicy;
use keepsake_app::{policy, service::Caller};
use keepsake_domain::PolicyId;
use uuid::Uuid;

/// One retention policy.
#[utoipa::path(get, path = "/api/backup/retention/policies/{id}", tag = "storage", operation_id = "policy_get",
    params(("id" = Uuid, Path, description = "The policy.")),
    responses((status = 200, description = "The policy.", body = RetentionPolicy,
        headers(("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = shown(policy::get(&app.service, &caller, PolicyId::from_uuid(id)).await?);
    Ok((etag(found.version), Json(found)))
}
