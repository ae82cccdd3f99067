//! `GET /api/backup/configurations`.

use super::listed;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::configurations::{ConfigurationList, ConfigurationQuery};
use keepsake_app::{
    configuration,
    service::{Caller, rows::ConfigurationFilter},
};
use keepsake_domain::SourceId;

/// The configurations in reach, newest first.
#[utoipa::path(get, path = "/api/backup/configurations", tag = "configurations", operation_id = "configuration_list",
    params(ConfigurationQuery), responses((status = 200, description = "A page of them.", body = ConfigurationList)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ConfigurationQuery>,
) -> Result<Json<ConfigurationList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let filter = ConfigurationFilter {
        source: query.source.map(SourceId::from_uuid),
        scope: query.scope.map(|scope| scope.same()),
        wedding_critical: query.wedding_critical,
        enabled: query.enabled,
    };
    let found = configuration::list(&app.service, &caller, filter, page.size, page.after).await?;
    let key = app.service.context.master.id().to_string();
    Ok(Json(ConfigurationList {
        items: found.items.into_iter().map(|one| listed(one, &key)).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
