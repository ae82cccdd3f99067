//! `GET /api/backup/configurations/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::configurations::Configuration;
use keepsake_app::{configuration, service::Caller};
use keepsake_domain::ConfigurationId;
use uuid::Uuid;

/// One configuration, with its next run, its last execution, and how often it captures in the end and why.
#[utoipa::path(get, path = "/api/backup/configurations/{id}", tag = "configurations", operation_id = "configuration_get",
    params(("id" = Uuid, Path, description = "The configuration.")),
    responses((status = 200, description = "The configuration.", body = Configuration,
        headers(("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = configuration::get(&app.service, &caller, ConfigurationId::from_uuid(id)).await?;
    let found = shown(found, &caller);
    Ok((etag(found.version), Json(found)))
}
