//! `POST /api/backup/configurations/bulk-create`.

use super::draft;
use crate::{
    app::App,
    extract::{Json, Request},
    failure::{Failure, Result},
};
use axum::{extract::State, http::StatusCode, response::IntoResponse};
use keepsake_api::configurations::{BulkConfigurations, BulkItem, BulkResult};
use keepsake_app::{
    configuration::{self, Bulk, Item},
    service::Caller,
};
use serde::Deserialize;
use serde_json::Value;

/// Where one of them would be made alone.
const ALONE: &str = "/api/backup/configurations";

/// The body, its items still to be read one by one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    #[serde(default)]
    atomic: bool,
    items: Vec<Value>,
}

/// Makes up to 500 configurations, and says of each what came of it. `atomic`: all or none, and 422 names every fault of all of them.
#[utoipa::path(post, path = "/api/backup/configurations/bulk-create", tag = "configurations",
    operation_id = "configuration_bulk_create", request_body = BulkConfigurations,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition safe.")),
    responses((status = 201, description = "All are made.", body = BulkResult),
        (status = 200, description = "Some or all are not; each says why.", body = BulkResult)))]
pub async fn bulk(
    State(app): State<App>,
    caller: Caller,
    Request(request): Request,
    Json(body): Json<Body>,
) -> Result<impl IntoResponse> {
    let bulk = Bulk { atomic: body.atomic, items: body.items.into_iter().map(draft::read).collect() };
    let items = configuration::bulk(&app.service, &caller, bulk).await?;
    let said = |item| match item {
        Item::Made(made) => {
            BulkItem { status: StatusCode::CREATED.as_u16(), id: Some(*made.id.as_uuid()), problem: None }
        }
        Item::Refused(error) => {
            let problem = Failure::from(error).problem(request, ALONE);
            BulkItem { status: problem.status, id: None, problem: Some(problem) }
        }
    };
    let items: Vec<BulkItem> = items.into_iter().map(said).collect();
    let created = items.iter().filter(|item| item.id.is_some()).count();
    let status = if created == items.len() { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(BulkResult { created: created as u64, items })))
}
