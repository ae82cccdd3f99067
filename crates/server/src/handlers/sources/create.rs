//! `POST /api/sources`.

use super::{Given, assignments, shown};
use crate::{
    app::App,
    extract::{Json, etag},
    failure::Result,
};
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use keepsake_api::sources::{NewSource, Source};
use keepsake_app::{service::Caller, source};
use keepsake_domain::OrganisationId;

/// Registers a source. Nothing is connected to yet: its inspection does. Credentials are sealed, and never given out again.
#[utoipa::path(post, path = "/api/sources", tag = "sources", operation_id = "source_create", request_body = NewSource,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "It is here.", body = Source,
        headers(("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn create(State(app): State<App>, caller: Caller, Json(body): Json<NewSource>) -> Result<impl IntoResponse> {
    let given = Given {
        capture_credential: body.capture_credential,
        restore_credential: body.restore_credential,
        location: body.location,
        credentials: body.credentials,
    };
    let new = source::New {
        organisation: body.organisation_id.map(OrganisationId::from_uuid),
        name: body.name,
        address: given.address(body.kind)?,
        files_root: body.files_root,
        identity: body.identity,
        assignments: assignments(body.assignments),
    };
    let made = shown(source::create(&app.service, &caller, new).await?);
    let location = format!("/api/sources/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], etag(made.version), Json(made)))
}
