//! `POST /api/backup/retention/policies`.

use super::{rules, shown};
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
use keepsake_api::policies::{NewRetentionPolicy, RetentionPolicy};
use keepsake_app::{policy, service::Caller};
use keepsake_domain::OrganisationId;

/// Makes a retention policy. It counts once a configuration names it.
#[utoipa::path(post, path = "/api/backup/retention/policies", tag = "storage", operation_id = "policy_create",
    request_body = NewRetentionPolicy,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "It is here.", body = RetentionPolicy,
        headers(("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewRetentionPolicy>,
) -> Result<impl IntoResponse> {
    let new = policy::New {
        organisation: body.organisation_id.map(OrganisationId::from_uuid),
        name: body.name,
        rules: rules(body.rules),
    };
    let made = shown(policy::create(&app.service, &caller, new).await?);
    let location = format!("/api/backup/retention/policies/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], etag(made.version), Json(made)))
}
