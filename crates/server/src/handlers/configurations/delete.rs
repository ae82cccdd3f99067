//! `DELETE /api/backup/configurations/{id}`.

use crate::{
    app::App,
    extract::{IfMatch, Path, Query},
    failure::Result,
};
use axum::{extract::State, http::StatusCode};
use keepsake_api::configurations::DeleteConfigurationQuery;
use keepsake_app::{configuration, service::Caller};
use keepsake_domain::ConfigurationId;
use uuid::Uuid;

/// Deletes a configuration: it runs no more, and what it made stays. 409 while an execution of it is under way, unless that is to be
/// cancelled. It can be brought back.
#[utoipa::path(delete, path = "/api/backup/configurations/{id}", tag = "configurations",
    operation_id = "configuration_delete",
    params(("id" = Uuid, Path, description = "The configuration."), DeleteConfigurationQuery,
        ("If-Match" = String, Header, description = "The ETag of what was read.")),
    responses((status = 204, description = "It is deleted.")))]
pub async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Query(query): Query<DeleteConfigurationQuery>,
    IfMatch(version): IfMatch,
) -> Result<StatusCode> {
    let id = ConfigurationId::from_uuid(id);
    configuration::delete(&app.service, &caller, id, version, query.cancel_running).await?;
    Ok(StatusCode::NO_CONTENT)
}
