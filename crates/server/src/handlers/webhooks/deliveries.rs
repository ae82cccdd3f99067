//! `GET /api/webhooks/{id}/deliveries`.

use super::delivery;
use crate::{
    app::App,
    extract::{Json, Page, Path, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::webhooks::{DeliveryList, DeliveryQuery};
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::WebhookId;
use uuid::Uuid;

/// What was sent to a webhook in the last 30 days, newest first, each with all its attempts.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries", tag = "notifications", operation_id = "delivery_list",
    params(("id" = Uuid, Path, description = "The webhook."), DeliveryQuery),
    responses((status = 200, description = "A page of them.", body = DeliveryList)))]
pub async fn deliveries(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<DeliveryQuery>,
) -> Result<Json<DeliveryList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let (id, state) = (WebhookId::from_uuid(id), query.state.map(|state| state.same()));
    let found = webhook::deliveries(&app.service, &caller, id, state, page.size, page.after).await?;
    Ok(Json(DeliveryList {
        items: found.items.into_iter().map(delivery).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
