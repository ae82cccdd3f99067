//! `GET /api/sources`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, sources::SourceList};
use keepsake_app::{service::Caller, source};

/// The sources in reach, newest first.
#[utoipa::path(get, path = "/api/sources", tag = "sources", operation_id = "source_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = SourceList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<SourceList>> {
    let found = source::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(SourceList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
