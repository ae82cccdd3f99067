//! `POST /api/sources/{id}/sync`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::sources::SyncResult;
use keepsake_app::{service::Caller, source, system_config};
use keepsake_domain::SourceId;
use uuid::Uuid;

/// Looks for weddings in a source now, and decides anew how each is protected.
#[utoipa::path(post, path = "/api/sources/{id}/sync", tag = "sources", operation_id = "source_sync",
    params(("id" = Uuid, Path, description = "The source.")),
    responses((status = 200, description = "What was found.", body = SyncResult)))]
pub async fn sync(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<SyncResult>> {
    let config = system_config::current(&app.service).await?;
    let synced = source::sync(&app.service, &caller, SourceId::from_uuid(id), &config.thresholds);
    let synced = Box::pin(synced).await?;
    Ok(Json(SyncResult {
        found: synced.found,
        new: synced.new,
        moved: synced.moved,
        cancelled: synced.cancelled,
        vanished: synced.vanished,
        returned: synced.returned,
    }))
}
