//! `POST /api/backup/recovery/test`.

use super::started;
use crate::{app::App, extract::Json, failure::Result};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::checks::{NewRehearsal, StartedCheck};
use keepsake_app::{check, service::Caller};
use keepsake_domain::{PointId, check::Level};

/// Rehearses the restore of a wedding's point: into a scratch PostgreSQL that is made for it and thrown away, compared row for row and file for
/// file, with the measured time. Live is never touched.
#[utoipa::path(post, path = "/api/backup/recovery/test", tag = "recovery", operation_id = "recovery_test",
    request_body = NewRehearsal,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued.", body = StartedCheck,
        headers(("Location" = String, description = "The check."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn rehearse(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewRehearsal>,
) -> Result<impl IntoResponse> {
    let point = PointId::from_uuid(body.recovery_point_id);
    Ok(started(check::start(&app.service, &caller, point, Level::ScratchRestore).await?))
}
