//! `GET /api/weddings/{id}/backup-settings`.

use super::shown_settings;
use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::weddings::BackupSettings;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// What people decided about a wedding by hand; empty, with the ETag `"0"`, while nobody did.
#[utoipa::path(get, path = "/api/weddings/{id}/backup-settings", tag = "weddings", operation_id = "wedding_settings",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "The settings.", body = BackupSettings,
        headers(("ETag" = String, description = "Their version, for If-Match.")))))]
pub async fn settings(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = wedding::settings(&app.service, &caller, WeddingId::from_uuid(id)).await?;
    Ok((etag(found.version), Json(shown_settings(found.settings))))
}
