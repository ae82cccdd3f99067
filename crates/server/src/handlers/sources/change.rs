//! `PUT /api/sources/{id}`.

use super::{Given, assignments, shown};
use crate::{
    app::App,
    extract::{IfMatch, Json, Path, etag},
    failure::{Failure, Result},
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::sources::{Source, SourceChange};
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// Replaces what people set of a source. Its credentials stay if none is given, and are all replaced if one is.
#[utoipa::path(put, path = "/api/sources/{id}", tag = "sources", operation_id = "source_change",
    params(("id" = Uuid, Path, description = "The source."),
        ("If-Match" = String, Header, description = "The ETag of what was read.")), request_body = SourceChange,
    responses((status = 200, description = "The source as it is now.", body = Source,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
    Json(body): Json<SourceChange>,
) -> Result<impl IntoResponse> {
    let given = Given {
        capture_credential: body.capture_credential,
        restore_credential: body.restore_credential,
        location: body.location,
        credentials: body.credentials,
    };
    let address = match (given.is_empty(), body.kind) {
        (true, _) => None,
        (false, Some(kind)) => Some(given.address(kind)?),
        (false, None) => return Err(Failure::invalid_at("/kind", "say what it is that these open")),
    };
    let change = source::Change {
        version,
        name: body.name,
        address,
        files_root: body.files_root,
        identity: body.identity,
        assignments: assignments(body.assignments),
    };
    let changed = shown(source::change(&app.service, &caller, SourceId::from_uuid(id), change).await?);
    Ok((etag(changed.version), Json(changed)))
}
