//! `PUT /api/webhooks/{id}`.

use super::{kinds, made};
use crate::{
    app::App,
    extract::{IfMatch, Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::webhooks::{WebhookChange, WebhookWithSecret};
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::WebhookId;
use uuid::Uuid;

/// Replaces what people set of a webhook, disables or enables it, or rotates its secret, which is then shown once.
#[utoipa::path(put, path = "/api/webhooks/{id}", tag = "notifications", operation_id = "webhook_change",
    params(("id" = Uuid, Path, description = "The webhook."),
        ("If-Match" = String, Header, description = "The ETag of what was read.")), request_body = WebhookChange,
    responses((status = 200, description = "The webhook as it is now.", body = WebhookWithSecret,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Json(body): Json<WebhookChange>,
) -> Result<impl IntoResponse> {
    let change = webhook::Change {
        version,
        name: body.name,
        url: body.url,
        kinds: kinds(body.events),
        enabled: body.enabled,
        rotate_secret: body.rotate_secret,
    };
    let changed = made(webhook::change(&app.service, &caller, WebhookId::from_uuid(id), change).await?);
    Ok((etag(changed.webhook.version), Json(changed)))
}
