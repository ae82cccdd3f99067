//! `PUT /api/backup/configurations/{id}`.

use super::{draft, shown};
use crate::{
    app::App,
    extract::{IfMatch, Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::configurations::{Configuration, NewConfiguration};
use keepsake_app::{configuration, service::Caller};
use keepsake_domain::ConfigurationId;
use serde_json::Value;
use uuid::Uuid;

/// Replaces what a configuration says. 422 names every fault. What protects less (switched off, less often, fewer weddings, fewer days,
/// shorter windows) takes a second factor.
#[utoipa::path(put, path = "/api/backup/configurations/{id}", tag = "configurations", operation_id = "configuration_replace",
    params(("id" = Uuid, Path, description = "The configuration."),
        ("If-Match" = String, Header, description = "The ETag of what was read.")), request_body = NewConfiguration,
    responses((status = 200, description = "The configuration as it is now.", body = Configuration,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Json(body): Json<Value>,
) -> Result<impl IntoResponse> {
    let id = ConfigurationId::from_uuid(id);
    let changed = configuration::replace(&app.service, &caller, id, version, draft::read(body)).await?;
    let changed = shown(changed, &caller);
    Ok((etag(changed.version), Json(changed)))
}
