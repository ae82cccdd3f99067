//! `DELETE /api/webhooks/{id}`.

use crate::{
    app::App,
    extract::{IfMatch, Path},
    failure::Result,
};
use axum::{extract::State, http::StatusCode};
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::WebhookId;
use uuid::Uuid;

/// Takes a webhook out of use: its secrets are forgotten, what waits is given up.
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "notifications", operation_id = "webhook_delete",
    params(("id" = Uuid, Path, description = "The webhook."),
        ("If-Match" = String, Header, description = "The ETag of what was read.")),
    responses((status = 204, description = "It is out of use.")))]
pub async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode> {
    webhook::delete(&app.service, &caller, WebhookId::from_uuid(id), version).await?;
    Ok(StatusCode::NO_CONTENT)
}
