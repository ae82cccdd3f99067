//! `POST /api/backup/storage/targets`.

use super::{keys, shown};
use crate::{app::App, extract::Json, failure::Result, words::Same as _};
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use keepsake_api::targets::{NewTarget, Target};
use keepsake_app::{service::Caller, target};
use keepsake_domain::OrganisationId;

/// Registers a target. Nothing is asked of the store yet: its test does.
#[utoipa::path(post, path = "/api/backup/storage/targets", tag = "storage", operation_id = "target_create",
    request_body = NewTarget,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "It is here.", body = Target,
        headers(("Location" = String, description = "Where it is.")))))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewTarget>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Target>)> {
    let new = target::New {
        organisation: body.organisation_id.map(OrganisationId::from_uuid),
        name: body.name,
        tier: body.tier.same(),
        url: body.url,
        keys: body.credentials.as_ref().map(keys),
    };
    let made = shown(target::create(&app.service, &caller, new).await?);
    let location = format!("/api/backup/storage/targets/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(made)))
}
