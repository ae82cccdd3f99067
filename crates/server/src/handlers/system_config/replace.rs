//! `PUT /api/system-config`.

use super::shown;
use crate::{
    app::App,
    extract::{IfMatch, Json, etag},
    failure::{Failure, Result},
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::system_config::{NewSystemConfiguration, SystemConfiguration};
use keepsake_app::{service::Caller, system_config};
use keepsake_domain::system::SystemConfig;

/// Replaces the configuration, as a new version. Weddings are decided anew within a minute. What protects any wedding less takes a fresh
/// second factor.
#[utoipa::path(put, path = "/api/system-config", tag = "operations", operation_id = "system_config_replace",
    params(("If-Match" = String, Header, description = "The ETag of the configuration that was read.")),
    request_body = NewSystemConfiguration,
    responses((status = 200, description = "The configuration as it is now.", body = SystemConfiguration,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    IfMatch(version): IfMatch,
    Json(body): Json<NewSystemConfiguration>,
) -> Result<impl IntoResponse> {
    let config: SystemConfig =
        serde_json::from_value(body.document).map_err(|error| Failure::invalid_at("/document", error))?;
    let set = system_config::replace(&app.service, &caller, version, &config, &body.reason).await?;
    Ok((etag(set.version), Json(shown(Some(set)))))
}
