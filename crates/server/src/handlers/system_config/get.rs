//! `GET /api/system-config`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::system_config::SystemConfiguration;
use keepsake_app::{service::Caller, system_config};

/// Every number by which the installation protects weddings; the defaults while nobody changed them.
#[utoipa::path(get, path = "/api/system-config", tag = "operations", operation_id = "system_config_get",
    responses((status = 200, description = "The configuration.", body = SystemConfiguration,
        headers(("ETag" = String, description = "Its version.")))))]
pub async fn get(State(app): State<App>, caller: Caller) -> Result<impl IntoResponse> {
    let shown = shown(system_config::get(&app.service, &caller).await?);
    Ok((etag(shown.version), Json(shown)))
}
