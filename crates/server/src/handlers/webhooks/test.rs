//! `POST /api/webhooks/{id}/test`.

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
use keepsake_domain::WebhookId;
use uuid::Uuid;

/// Sends a test event to this webhook alone, once. What came of it is in its deliveries within seconds.
#[utoipa::path(post, path = "/api/webhooks/{id}/test", tag = "notifications", operation_id = "webhook_test",
    params(("id" = Uuid, Path, description = "The webhook."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is on its way.", body = Delivery,
        headers(("Location" = String, description = "The deliveries, to look at.")))))]
pub async fn test(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let sent = delivery(webhook::test(&app.service, &caller, WebhookId::from_uuid(id)).await?);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, format!("/api/webhooks/{id}/deliveries"))], Json(sent)))
}
