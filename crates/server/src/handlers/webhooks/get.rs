//! `GET /api/webhooks/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::webhooks::Webhook;
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::WebhookId;
use uuid::Uuid;

/// One webhook, without its secrets.
#[utoipa::path(get, path = "/api/webhooks/{id}", tag = "notifications", operation_id = "webhook_get",
    params(("id" = Uuid, Path, description = "The webhook.")),
    responses((status = 200, description = "The webhook.", body = Webhook,
        headers(("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = shown(webhook::get(&app.service, &caller, WebhookId::from_uuid(id)).await?);
    Ok((etag(found.version), Json(found)))
}
