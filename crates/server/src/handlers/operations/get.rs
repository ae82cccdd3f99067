//! `GET /api/backup/recovery/operations/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::operations::OperationDetail;
use keepsake_app::{operation, service::Caller};
use keepsake_domain::OperationId;
use uuid::Uuid;

/// One restore: where it is, its whole plan once there is one, and its proof once it is completed.
#[utoipa::path(get, path = "/api/backup/recovery/operations/{id}", tag = "recovery", operation_id = "operation_get",
    params(("id" = Uuid, Path, description = "The operation.")),
    responses((status = 200, description = "The operation.", body = OperationDetail)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<OperationDetail>> {
    let found = operation::get(&app.service, &caller, OperationId::from_uuid(id)).await?;
    let (preview, proof) = (found.preview.clone(), found.proof.clone());
    Ok(Json(OperationDetail { operation: shown(found, &caller), preview, proof }))
}
