//! Checks of recovery points, up to a rehearsed restore.

pub mod get;
pub mod rehearse;
pub mod validate;

use super::executions::shown_error;
use crate::{extract::Json, words::Same as _};
use axum::http::{HeaderName, StatusCode, header};
use keepsake_api::checks::{Check, CheckFigures, CheckFinding, StartedCheck};
use keepsake_app::service::{Caller, rows};
use keepsake_domain::CheckId;
use serde::Deserialize;

/// When a look at a check that has just been asked for is worth it.
const LOOK_AGAIN_SECONDS: &str = "2";

fn started(id: CheckId) -> (StatusCode, [(HeaderName, String); 2], Json<StartedCheck>) {
    let location = format!("/api/backup/recovery/checks/{id}");
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, LOOK_AGAIN_SECONDS.to_owned())];
    (StatusCode::ACCEPTED, headers, Json(StartedCheck { check_id: *id.as_uuid() }))
}

fn shown(check: rows::Check, caller: &Caller) -> Check {
    Check {
        id: *check.id.as_uuid(),
        organisation_id: *check.organisation.as_uuid(),
        recovery_point_id: *check.point.as_uuid(),
        wedding_id: check.wedding.map(|id| *id.as_uuid()),
        level: check.level.same(),
        state: check.state.same(),
        passed: check.passed,
        findings: Vec::<CheckFinding>::deserialize(check.findings).unwrap_or_default(),
        figures: CheckFigures::deserialize(check.figures).unwrap_or_default(),
        error: check.error.map(|error| shown_error(&error, caller.scope.operator)),
        requested_by: check.requested_by,
        created_at: check.created_at,
        started_at: check.started_at,
        ended_at: check.ended_at,
    }
}
