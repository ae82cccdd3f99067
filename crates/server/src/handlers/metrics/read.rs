//! `GET /metrics`.

use crate::{app::App, failure::Result};
use axum::{extract::State, response::Response};
use keepsake_app::service::Caller;
use keepsake_domain::permission::{Action, Relation};

/// Metrics of the installation, for Prometheus: for admins of the operator, and its tokens with the scope `metrics`.
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")))]
pub async fn read(State(app): State<App>, caller: Caller) -> Result<Response> {
    app.service.allow(&caller, Action::MetricsRead, Relation::Collection, "metrics", None).await?;
    Ok(app.metrics.respond())
}
