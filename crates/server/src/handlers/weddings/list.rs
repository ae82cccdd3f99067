//! `GET /api/weddings`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::weddings::{WeddingList, WeddingQuery};
use keepsake_app::{
    service::{Caller, rows::WeddingFilter},
    wedding,
};

/// The weddings in reach in the order of their days, those without one last. Members see their own.
#[utoipa::path(get, path = "/api/weddings", tag = "weddings", operation_id = "wedding_list", params(WeddingQuery),
    responses((status = 200, description = "A page of them.", body = WeddingList)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<WeddingQuery>,
) -> Result<Json<WeddingList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let filter = WeddingFilter {
        criticality: query.criticality.map(|class| class.same()),
        vanished: query.vanished,
        external_id: query.external_id,
    };
    let found = wedding::list(&app.service, &caller, filter, page.size, page.after).await?;
    Ok(Json(WeddingList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
