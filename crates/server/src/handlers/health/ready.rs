//! `GET /readyz`.

use crate::{
    app::App,
    extract::{Json, Request},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::health::Health;

/// Whether the service can work: its catalog answers.
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readiness", security(()),
    responses((status = 200, description = "It can work.", body = Health)))]
pub async fn ready(State(app): State<App>, Request(request): Request) -> Result<Json<Health>> {
    app.service.ready(request).await?;
    Ok(Json(super::good()))
}
