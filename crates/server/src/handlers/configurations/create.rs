//! `POST /api/backup/configurations`.

use super::{draft, shown};
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
use keepsake_api::configurations::{Configuration, NewConfiguration};
use keepsake_app::{configuration, service::Caller};
use serde_json::Value;

/// Makes a configuration, and plans its first run. 422 names every fault of it. One that keeps points for less time than usual takes a
/// second factor.
#[utoipa::path(post, path = "/api/backup/configurations", tag = "configurations", operation_id = "configuration_create",
    request_body = NewConfiguration,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "It is here.", body = Configuration,
        headers(("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn create(State(app): State<App>, caller: Caller, Json(body): Json<Value>) -> Result<impl IntoResponse> {
    let made = configuration::create(&app.service, &caller, draft::read(body)).await?;
    let made = shown(made, &caller);
    let location = format!("/api/backup/configurations/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], etag(made.version), Json(made)))
}
