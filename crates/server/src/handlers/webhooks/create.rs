//! `POST /api/webhooks`.

use super::{kinds, made};
use crate::{
    app::App,
    extract::{Json, etag},
    failure::Result,
    words::Same as _,
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use keepsake_api::webhooks::{NewWebhook, WebhookWithSecret};
use keepsake_app::{service::Caller, webhook};
use keepsake_domain::OrganisationId;

/// Makes a webhook. Its secret is shown this once. Nothing is sent yet: its test does.
#[utoipa::path(post, path = "/api/webhooks", tag = "notifications", operation_id = "webhook_create", request_body = NewWebhook,
    responses((status = 201, description = "It is here.", body = WebhookWithSecret,
        headers(("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn create(State(app): State<App>, caller: Caller, Json(body): Json<NewWebhook>) -> Result<impl IntoResponse> {
    let new = webhook::New {
        organisation: body.organisation_id.map(OrganisationId::from_uuid),
        name: body.name,
        url: body.url,
        kinds: kinds(body.events),
        signature: body.signature.same(),
    };
    let made = made(webhook::create(&app.service, &caller, new).await?);
    let location = format!("/api/webhooks/{}", made.webhook.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], etag(made.webhook.version), Json(made)))
}
