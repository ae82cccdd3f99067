//! `GET /api/backup/recovery-points`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page, Query},
    failure::Result,
    words::Same as _,
};
use axum::extract::State;
use keepsake_api::points::{PointQuery, RecoveryPointList};
use keepsake_app::{
    recovery_point,
    service::{Caller, rows::PointFilter},
};
use keepsake_domain::{SourceId, WeddingId};

/// The recovery points in reach, newest first; states before restores only if their kind is asked for. Members see those of their own
/// weddings.
#[utoipa::path(get, path = "/api/backup/recovery-points", tag = "recovery", operation_id = "point_list", params(PointQuery),
    responses((status = 200, description = "A page of them.", body = RecoveryPointList)))]
pub async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PointQuery>,
) -> Result<Json<RecoveryPointList>> {
    let page = Page::read(query.page_size, query.page_token.as_deref())?;
    let filter = PointFilter {
        wedding: query.wedding.map(WeddingId::from_uuid),
        source: query.source.map(SourceId::from_uuid),
        at_or_before: query.at_or_before,
        verified: query.verified,
        clean: query.clean,
        kind: query.kind.map(|kind| kind.same()),
    };
    let found = recovery_point::list(&app.service, &caller, filter, page.size, page.after).await?;
    Ok(Json(RecoveryPointList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
