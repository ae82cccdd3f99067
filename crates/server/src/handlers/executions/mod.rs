//! Backups that are asked for, watched, stopped and tried again.

pub mod cancel;
pub mod get;
pub mod list;
pub mod progress;
pub mod retry;
pub mod start;

use crate::{extract::Json, failure::is_told_to_all, pages, words::Same as _};
use axum::http::{HeaderName, StatusCode, header};
use keepsake_api::{
    executions::{Execution, ExecutionError, Figures, Progress},
    problem::type_of,
};
use keepsake_app::service::{Caller, rows};
use keepsake_domain::ExecutionId;
use serde::Deserialize;
use serde_json::Value;

/// When a look at an execution that has just been asked for is worth it.
const LOOK_AGAIN_SECONDS: &str = "2";

/// The answer to something that goes on elsewhere.
fn accepted<T>(id: ExecutionId, body: T) -> (StatusCode, [(HeaderName, String); 2], Json<T>) {
    let location = format!("/api/backup/executions/{id}");
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, LOOK_AGAIN_SECONDS.to_owned())];
    (StatusCode::ACCEPTED, headers, Json(body))
}

pub(super) fn shown(execution: rows::Execution, caller: &Caller) -> Execution {
    Execution {
        id: *execution.id.as_uuid(),
        organisation_id: *execution.organisation.as_uuid(),
        job_id: *execution.job.as_uuid(),
        attempt: execution.attempt,
        configuration_id: execution.configuration.map(|id| *id.as_uuid()),
        source_id: *execution.source.as_uuid(),
        wedding_id: execution.wedding.map(|id| *id.as_uuid()),
        target_id: *execution.target.as_uuid(),
        execution_type: execution.execution_type.same(),
        state: execution.state.same(),
        result: execution.result.map(|result| result.same()),
        reason: execution.reason,
        requested_by: execution.requested_by,
        progress: shown_progress(execution.progress),
        figures: Figures::deserialize(execution.figures).unwrap_or_default(),
        error: execution.error.map(|error| shown_error(&error, caller.scope.operator)),
        recovery_point_id: execution.point.map(|id| *id.as_uuid()),
        created_at: execution.created_at,
        started_at: execution.started_at,
        ended_at: execution.ended_at,
    }
}

/// What a worker wrote; a worker of another version may write other things, and what is not known is not shown.
pub(super) fn shown_progress(progress: Value) -> Progress {
    Progress::deserialize(progress).unwrap_or_default()
}

pub(super) fn shown_error(error: &Value, operator: bool) -> ExecutionError {
    let word = |name: &str| error.get(name).and_then(Value::as_str);
    let code = word("code").unwrap_or("internal");
    let page = pages::of(code);
    let title = page.map_or(code, |page| page.title);
    let detail = word("detail").filter(|_| operator || is_told_to_all(code));
    ExecutionError {
        code: code.to_owned(),
        kind: page.map(|_| type_of(code)),
        title: title.to_owned(),
        detail: detail.unwrap_or(title).to_owned(),
        remediation: page.map_or("try it again", |page| page.remedy).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_worker_wrote_is_read_and_what_it_did_not_is_absent() {
        let written = json!({"percent": null, "bytes_done": 7, "bytes_total": null, "items_done": 2, "eta_seconds": null,
            "heartbeat_at": "2026-06-06T12:00:00Z"});
        let progress = shown_progress(written);
        assert_eq!((progress.percent, progress.bytes_done, progress.items_done), (None, 7, 2));
        assert!(progress.heartbeat_at.is_some());
        assert_eq!(shown_progress(json!({})), Progress::default());
        let figures = json!({"raw_bytes": 9, "verification": {"depth": "read", "packs": 1, "older_packs": 0, "trees": 1,
            "blobs": 2, "read_bytes": 5}, "issues": [{"code": "file-missing", "subject": "a.jpg", "message": "gone"}]});
        let figures = Figures::deserialize(figures).unwrap();
        assert_eq!((figures.raw_bytes, figures.verification.unwrap().depth.as_str()), (Some(9), "read"));
        assert_eq!(figures.issues.first().map(|issue| issue.code.as_str()), Some("file-missing"));
    }

    #[test]
    fn s29_where_the_operators_storage_is_is_the_operators_to_know() {
        let error = json!({"code": "storage-failed", "detail": "cannot write /srv/backups/x: disk on fire"});
        assert!(shown_error(&error, true).detail.contains("/srv/backups"));
        let told = shown_error(&error, false);
        assert_eq!(told.detail, told.title);
        assert_eq!(told.kind.as_deref(), Some("/api/problems/storage-failed"));
        let lost = json!({"code": "worker-lost", "detail": "the worker stopped without a word"});
        assert_eq!(shown_error(&lost, false).detail, "the worker stopped without a word");
    }
}
