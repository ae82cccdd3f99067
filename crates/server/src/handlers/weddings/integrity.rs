//! `GET /api/weddings/{id}/integrity`.

use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
    handlers::points::integrity_of,
};
use axum::extract::State;
use keepsake_api::status::WeddingIntegrity;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// How whole a wedding's data are, part by part, as its newest point found them, and what could be done.
#[utoipa::path(get, path = "/api/weddings/{id}/integrity", tag = "weddings", operation_id = "wedding_integrity",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "How whole they are.", body = WeddingIntegrity)))]
pub async fn integrity(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<WeddingIntegrity>> {
    let (_, newest) = wedding::integrity(&app.service, &caller, WeddingId::from_uuid(id)).await?;
    Ok(Json(WeddingIntegrity {
        wedding_id: id,
        recovery_point_id: newest.as_ref().map(|point| *point.id.as_uuid()),
        captured_at: newest.as_ref().map(|point| point.captured_at),
        integrity: newest.and_then(|point| integrity_of(point.summary)),
    }))
}
