//! `PUT /api/weddings/{id}/backup-settings`.

use super::{given_settings, shown_settings};
use crate::{
    app::App,
    extract::{IfMatch, Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::weddings::BackupSettings;
use keepsake_app::{service::Caller, system_config, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// Replaces what people decided about a wedding, and plans it anew at once. What protects less takes a fresh second factor.
#[utoipa::path(put, path = "/api/weddings/{id}/backup-settings", tag = "weddings", operation_id = "wedding_settings_set",
    params(("id" = Uuid, Path, description = "The wedding."),
        ("If-Match" = String, Header, description = "The ETag of the settings that were read.")),
    request_body = BackupSettings,
    responses((status = 200, description = "The settings as they are now.", body = BackupSettings,
        headers(("ETag" = String, description = "Their new version.")))))]
pub async fn set_settings(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Json(body): Json<BackupSettings>,
) -> Result<impl IntoResponse> {
    let (id, new) = (WeddingId::from_uuid(id), given_settings(body)?);
    let thresholds = system_config::current(&app.service).await?.thresholds;
    let (set, _) = wedding::set_settings(&app.service, &caller, id, version, new, &thresholds).await?;
    Ok((etag(set.version), Json(shown_settings(set.settings))))
}
