//! `GET /api/backup/recovery/operations`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::operations::{OperationList, OperationQuery};
use keepsake_app::{
    operation,
    service::{Caller, rows::OperationFilter},
};
use keepsake_domain::{PointId, WeddingId};

/// The restores in reach, newest first. Members see those of their own weddings.
#[utoipa::path(get, path = "/api/backup/recovery/operations", tag = "recovery", operation_id = "operation_list",
    params(OperationQuery), responses((status = 200, description = "A page of them.", body = OperationList)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<OperationQuery>,
) -> Result<Json<OperationList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let filter = OperationFilter {
        state: query.state.map(|state| state.same()),
        wedding: query.wedding.map(WeddingId::from_uuid),
        point: query.recovery_point.map(PointId::from_uuid),
        since: query.since,
    };
    let found = operation::list(&app.service, &caller, filter, page.size, page.after).await?;
    Ok(Json(OperationList {
        items: found.items.into_iter().map(|operation| shown(operation, &caller)).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
