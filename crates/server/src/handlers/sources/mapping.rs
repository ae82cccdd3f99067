//! `GET /api/sources/{id}/mapping`.

use crate::{
    app::App,
    extract::{Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::sources::SourceMapping;
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// The mapping of a source; 404 while it has none.
#[utoipa::path(get, path = "/api/sources/{id}/mapping", tag = "sources", operation_id = "mapping_get",
    params(("id" = Uuid, Path, description = "The source.")),
    responses((status = 200, description = "The mapping.", body = SourceMapping,
        headers(("ETag" = String, description = "Its version, for If-Match.")))))]
pub async fn mapping(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<impl IntoResponse> {
    let found = source::mapping(&app.service, &caller, SourceId::from_uuid(id)).await?;
    Ok((etag(found.version), Json(SourceMapping { mapping: found.text, version: found.version })))
}
