//! `GET /api/organisations/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::organisations::Organisation;
use keepsake_app::{organisation, service::Caller};
use keepsake_domain::OrganisationId;
use uuid::Uuid;

/// One organisation.
#[utoipa::path(get, path = "/api/organisations/{id}", tag = "organisations", operation_id = "organisation_get",
    params(("id" = Uuid, Path, description = "The organisation.")),
    responses((status = 200, description = "The organisation.", body = Organisation)))]
pub async fn get(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<Organisation>> {
    Ok(Json(shown(organisation::get(&app.service, &caller, OrganisationId::from_uuid(id)).await?)))
}
