//! `POST /api/backup/emergency-restore`.

use super::{groups, started};
use crate::{
    app::App,
    extract::Json,
    failure::{Failure, Result},
    handlers::points::rows_of,
    words::Same as _,
};
use axum::{extract::State, response::IntoResponse};
use keepsake_api::operations::{NewEmergencyRestore, PointCandidate, StartedOperation};
use keepsake_app::{
    Code, Error,
    operation::{self, Answer, Candidate, Emergency, Which},
    service::Caller,
};
use keepsake_domain::{PointId, WeddingId, restore::Mode};

/// Restores a wedding's newest clean point into live, at once and without a preview; the state before it is saved, and can be gone back
/// to. Takes the emergency flag and a fresh second factor; two calls an hour for each person and wedding. If points that look like
/// damage are newer, nothing is done: 409 `choose-point` with the candidates, and naming one decides.
#[utoipa::path(post, path = "/api/backup/emergency-restore", tag = "recovery", operation_id = "emergency_restore",
    request_body = NewEmergencyRestore,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 202, description = "It is queued, before everything else.", body = StartedOperation,
        headers(("Location" = String, description = "The operation."),
            ("Retry-After" = u64, description = "Seconds until it is worth a look.")))))]
pub async fn emergency(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<NewEmergencyRestore>,
) -> Result<impl IntoResponse> {
    let which = match (body.recovery_point_id, body.target_time) {
        (Some(point), None) => Some(Which::Point(PointId::from_uuid(point))),
        (None, Some(time)) => Some(Which::At(time)),
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Failure::invalid_at("/target_time", "name a point or a time, not both")),
    };
    let asked = Emergency {
        wedding: WeddingId::from_uuid(body.wedding_id),
        which,
        groups: groups(body.scope, &body.groups)?,
        mode: body.mode.map_or(Mode::Revert, |mode| mode.same()),
        reason: body.reason,
    };
    match operation::emergency(&app.service, &caller, &asked).await? {
        Answer::Started(id) => Ok(started(id)),
        Answer::Choose(candidates) => {
            let message = "there are points that look like damage and are newer than the last clean one: name the one that is meant";
            let candidates = candidates.into_iter().map(candidate).collect();
            Err(Failure::from(Error::new(Code::ChoosePoint, message)).candidates(candidates))
        }
    }
}

fn candidate(candidate: Candidate) -> PointCandidate {
    let Candidate { mut point, is_last_clean } = candidate;
    PointCandidate {
        recovery_point_id: *point.id.as_uuid(),
        captured_at: point.captured_at,
        is_last_clean,
        incomplete: point.incomplete,
        rows: rows_of(point.summary.take()),
        suspect_reasons: point.suspect.into_iter().map(|finding| finding.message).collect(),
    }
}
