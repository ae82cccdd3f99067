//! `GET /api/sources/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::sources::Source;
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// One source.
#[utoipa::path(get, path = "/api/sources/{id}", tag = "sources", operation_id = "source_get",
    params(("id" = Uuid, Path, description = "The source.")),
    responses((status = 200, description = "The source.", body = Source,
        headers(("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = shown(source::get(&app.service, &caller, SourceId::from_uuid(id)).await?);
    Ok((etag(found.version), Json(found)))
}
