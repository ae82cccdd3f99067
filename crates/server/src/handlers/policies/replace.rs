//! `PUT /api/backup/retention/policies/{id}`.

use super::{rules, shown};
use crate::{
    app::App,
    extract::{IfMatch, Json, Path, Query, etag},
    failure::Result,
    words::Same as _,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use keepsake_api::policies::{RetentionChangeQuery, RetentionPolicy, RetentionPolicyChange, RetentionPreview};
use keepsake_app::{
    policy::{self, Change, Preview},
    service::Caller,
};
use keepsake_domain::PolicyId;
use uuid::Uuid;

/// Replaces a retention policy. Points keep what they were promised: the change deletes nothing, and counts for points that are made or
/// confirmed from then on. One that promises less takes a second factor. `validate_only` answers with a `RetentionPreview` instead.
#[utoipa::path(put, path = "/api/backup/retention/policies/{id}", tag = "storage", operation_id = "policy_replace",
    params(("id" = Uuid, Path, description = "The policy."), RetentionChangeQuery,
        ("If-Match" = String, Header, description = "The ETag of what was read.")), request_body = RetentionPolicyChange,
    responses((status = 200, description = "The policy as it is now.", body = RetentionPolicy,
        headers(("ETag" = String, description = "Its new version.")))))]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<RetentionChangeQuery>,
    IfMatch(version): IfMatch,
    Json(body): Json<RetentionPolicyChange>,
) -> Result<Response> {
    let id = PolicyId::from_uuid(id);
    let change = Change { version, name: body.name, rules: rules(body.rules) };
    if query.validate_only {
        let preview = policy::preview(&app.service, &caller, id, &change).await?;
        return Ok((etag(version), Json(shown_preview(preview))).into_response());
    }
    let changed = shown(policy::replace(&app.service, &caller, id, change).await?);
    Ok((etag(changed.version), Json(changed)).into_response())
}

fn shown_preview(preview: Preview) -> RetentionPreview {
    let expiring = preview.expiring;
    let mut explanation = vec![
        "Every point is kept for as long as it was promised when it was made; this changes none of them.".to_owned(),
    ];
    if preview.weaker {
        explanation
            .push("Points that are made from now on are kept for fewer days: it takes a second factor.".to_owned());
    }
    if preview.configurations == 0 {
        explanation
            .push("No configuration that is switched on names this policy, so it counts for no points.".to_owned());
    }
    RetentionPreview {
        weaker: preview.weaker,
        configurations: preview.configurations,
        points_deleted_by_change: 0,
        points_expiring: expiring.expire.len() as u64,
        points_waiting: expiring.waiting,
        approval: expiring.approval.into_iter().map(|reason| reason.same()).collect(),
        explanation,
    }
}
