//! `POST /api/webhooks/{id}/deliveries/{delivery_id}/replay`.

use super::delivery;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use keepsake_api::webhooks::Delivery;
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::{DeliveryId, WebhookId};
use uuid::Uuid;

/// Sends the event of a delivery that has ended once more, with the same id and body: a delivery of its own.
#[utoipa::path(post, path = "/api/webhooks/{id}/deliveries/{delivery_id}/replay", tag = "notifications",
    operation_id = "delivery_replay",
    params(("id" = Uuid, Path, description = "The webhook."),
        ("delivery_id" = Uuid, Path, description = "The delivery."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is on its way.", body = Delivery,
        headers(("Location" = String, description = "The deliveries, to look at.")))))]
pub async fn replay(
    State(app): State<App>,
    caller: Caller,
    Path((id, delivery_id)): Path<(Uuid, Uuid)>,
) -> Result<impl IntoResponse> {
    let (webhook_id, delivery_id) = (WebhookId::from_uuid(id), DeliveryId::from_uuid(delivery_id));
    let sent = delivery(webhook::replay(&app.service, &caller, webhook_id, delivery_id).await?);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/webhooks/{id}/deliveries"))], Json(sent)))
}
