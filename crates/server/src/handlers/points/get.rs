//! `GET /api/backup/recovery-points/{id}`.

use super::shown_whole;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::points::RecoveryPointDetail;
use keepsake_app::{recovery_point, service::Caller};
use keepsake_domain::PointId;
use uuid::Uuid;

/// One recovery point, with what is in it, how whole that is, and why it looks like damage if it does.
#[utoipa::path(get, path = "/api/backup/recovery-points/{id}", tag = "recovery", operation_id = "point_get",
    params(("id" = Uuid, Path, description = "The point.")),
    responses((status = 200, description = "The point.", body = RecoveryPointDetail)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<RecoveryPointDetail>> {
    Ok(Json(shown_whole(recovery_point::get(&app.service, &caller, PointId::from_uuid(id)).await?)))
}
