//! `POST /api/backup/configurations/{id}/undelete`.

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

/// Brings a deleted configuration back as it was; its next run is planned from now.
#[utoipa::path(post, path = "/api/backup/configurations/{id}/undelete", tag = "configurations",
    operation_id = "configuration_undelete", params(("id" = Uuid, Path, description = "The configuration.")),
    responses((status = 200, description = "It is back.", body = Configuration,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn undelete(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let back = configuration::undelete(&app.service, &caller, ConfigurationId::from_uuid(id)).await?;
    let back = shown(back, &caller);
    Ok((etag(back.version), Json(back)))
}
