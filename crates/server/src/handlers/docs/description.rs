//! `GET /api/openapi.json`.

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use std::sync::LazyLock;

static DESCRIPTION: LazyLock<String> =
    LazyLock::new(|| serde_json::to_string(&crate::description()).unwrap_or_default());

/// The description of this API (OpenAPI 3.1).
#[utoipa::path(get, path = "/api/openapi.json", tag = "documentation", operation_id = "description", security(()),
    responses((status = 200, description = "The description.", body = Object, content_type = "application/json")))]
pub async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DESCRIPTION.as_str()).into_response()
}
