//! `PUT /api/sources/{id}/mapping`.

use crate::{
    app::App,
    extract::{IfMatch, Json, Path, etag},
    failure::Result,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::sources::{MappingChange, MappingVersion};
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// Sets the mapping of a source, if it fits the database as it is at this time. The first is set with `If-Match: "0"`.
#[utoipa::path(put, path = "/api/sources/{id}/mapping", tag = "sources", operation_id = "mapping_set",
    params(("id" = Uuid, Path, description = "The source."),
        ("If-Match" = String, Header, description = "The ETag of the mapping that was read; \"0\" if there was none.")),
    request_body = MappingChange,
    responses((status = 200, description = "It is set.", body = MappingVersion,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn set_mapping(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Json(body): Json<MappingChange>,
) -> Result<impl IntoResponse> {
    let set = source::set_mapping(&app.service, &caller, SourceId::from_uuid(id), version, body.mapping);
    let version = Box::pin(set).await?;
    Ok((etag(version), Json(MappingVersion { version })))
}
