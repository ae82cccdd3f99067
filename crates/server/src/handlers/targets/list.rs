//! `GET /api/backup/storage/targets`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, targets::TargetList};
use keepsake_app::{service::Caller, target};

/// The targets that the caller's organisation may use, newest first: its own, and those that are lent to it.
#[utoipa::path(get, path = "/api/backup/storage/targets", tag = "storage", operation_id = "target_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = TargetList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<TargetList>> {
    let found = target::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(TargetList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
