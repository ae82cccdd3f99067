//! `GET /api/webhooks`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, webhooks::WebhookList};
use keepsake_app::{service::Caller, webhook};

/// The webhooks in reach, newest first, without their secrets.
#[utoipa::path(get, path = "/api/webhooks", tag = "notifications", operation_id = "webhook_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = WebhookList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<WebhookList>> {
    let found = webhook::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(WebhookList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
