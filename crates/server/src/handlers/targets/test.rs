//! `POST /api/backup/storage/targets/{id}/test`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::targets::TargetCapabilities;
use keepsake_app::{service::Caller, target};
use keepsake_domain::TargetId;
use uuid::Uuid;

/// Tries a target out: writes a probe object, tries to overwrite it, reads it back, deletes it, and says what the store really does.
#[utoipa::path(post, path = "/api/backup/storage/targets/{id}/test", tag = "storage", operation_id = "target_test",
    params(("id" = Uuid, Path, description = "The target.")),
    responses((status = 200, description = "It works, and so.", body = TargetCapabilities)))]
pub async fn test(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<TargetCapabilities>> {
    let found = target::test(&app.service, &caller, TargetId::from_uuid(id)).await?;
    Ok(Json(TargetCapabilities {
        conditional_create: found.conditional_create,
        object_lock: found.object_lock,
        storage_class: found.storage_class,
        versioning: found.versioning,
    }))
}
