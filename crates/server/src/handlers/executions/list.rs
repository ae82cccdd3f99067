//! `GET /api/backup/executions`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::executions::{ExecutionList, ExecutionQuery};
use keepsake_app::{
    execution,
    service::{Caller, rows::ExecutionFilter},
};
use keepsake_domain::{ConfigurationId, WeddingId};

/// The backups in reach, newest first. Members see those of their own weddings.
#[utoipa::path(get, path = "/api/backup/executions", tag = "backups", operation_id = "execution_list",
    params(ExecutionQuery), responses((status = 200, description = "A page of them.", body = ExecutionList)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExecutionQuery>,
) -> Result<Json<ExecutionList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let filter = ExecutionFilter {
        state: query.state.map(|state| state.same()),
        execution_type: query.kind.map(|kind| kind.same()),
        wedding: query.wedding.map(WeddingId::from_uuid),
        configuration: query.configuration.map(ConfigurationId::from_uuid),
        since: query.since,
    };
    let found = execution::list(&app.service, &caller, filter, page.size, page.after).await?;
    Ok(Json(ExecutionList {
        items: found.items.into_iter().map(|execution| shown(execution, &caller)).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
