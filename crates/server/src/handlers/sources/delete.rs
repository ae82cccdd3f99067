//! `DELETE /api/sources/{id}`.

use crate::{
    app::App,
    extract::{IfMatch, Path},
    failure::Result,
};
use axum::{extract::State, http::StatusCode};
use keepsake_app::{service::Caller, source};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// Takes a source out of use: its credentials are forgotten and its weddings no longer planned. What was backed up stays.
#[utoipa::path(delete, path = "/api/sources/{id}", tag = "sources", operation_id = "source_delete",
    params(("id" = Uuid, Path, description = "The source."),
        ("If-Match" = String, Header, description = "The ETag of what was read.")),
    responses((status = 204, description = "It is out of use.")))]
pub async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode> {
    source::delete(&app.service, &caller, SourceId::from_uuid(id), version).await?;
    Ok(StatusCode::NO_CONTENT)
}
