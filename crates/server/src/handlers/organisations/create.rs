//! `POST /api/organisations`.

use super::shown;
use crate::{app::App, extract::Json, failure::Result};
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header},
};
use keepsake_api::organisations::{Organisation, OrganisationBody};
use keepsake_app::{organisation, service::Caller};

/// Adds a supplier. Its first admin is made at `/api/users`.
#[utoipa::path(post, path = "/api/organisations", tag = "organisations", operation_id = "organisation_create",
    request_body = OrganisationBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "It is here.", body = Organisation,
        headers(("Location" = String, description = "Where it is.")))))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<OrganisationBody>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Json<Organisation>)> {
    let made = shown(organisation::create(&app.service, &caller, &body.name).await?);
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/api/organisations/{}", made.id))], Json(made)))
}
