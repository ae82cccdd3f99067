//! `GET /api/system-config/history`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::system_config::{SystemConfigurationHistory, SystemConfigurationQuery};
use keepsake_app::{service::Caller, system_config};

/// Every version of the configuration, newest first, with who changed it and why.
#[utoipa::path(get, path = "/api/system-config/history", tag = "operations", operation_id = "system_config_history",
    params(SystemConfigurationQuery),
    responses((status = 200, description = "The versions.", body = SystemConfigurationHistory)))]
pub async fn history(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SystemConfigurationQuery>,
) -> Result<Json<SystemConfigurationHistory>> {
    let page = Page::read(query.page_size, None)?;
    let found = system_config::history(&app.service, &caller, page.size, query.before).await?;
    Ok(Json(SystemConfigurationHistory { items: found.into_iter().map(|version| shown(Some(version))).collect() }))
}
