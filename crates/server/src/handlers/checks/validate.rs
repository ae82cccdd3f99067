//! `POST /api/backup/recovery/validate`.

use super::started;
use crate::{app::App, extract::Json, failure::Result, words::Same as _};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::checks::{NewCheck, StartedCheck};
use keepsake_app::{check, service::Caller};
use keepsake_domain::PointId;

/// Checks a recovery point, as closely as is asked for. `scratch_restore` restores it into a scratch database; live is never touched.
#[utoipa::path(post, path = "/api/backup/recovery/validate", tag = "recovery", operation_id = "recovery_validate",
    request_body = NewCheck,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued.", body = StartedCheck,
        headers(("Location" = String, description = "The check."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn validate(State(app): State<App>, caller: Caller, Json(body): Json<NewCheck>) -> Result<impl IntoResponse> {
    let point = PointId::from_uuid(body.recovery_point_id);
    Ok(started(check::start(&app.service, &caller, point, body.level.same()).await?))
}
