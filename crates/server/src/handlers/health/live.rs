//! `GET /healthz`.

use crate::extract::Json;
use keepsake_api::health::Health;

/// Whether the process answers. Says nothing about what it stands on: see `/readyz`.
#[utoipa::path(get, path = "/healthz", tag = "operations", operation_id = "health", security(()),
    responses((status = 200, description = "It answers.", body = Health)))]
pub async fn health() -> Json<Health> {
    Json(super::good())
}
