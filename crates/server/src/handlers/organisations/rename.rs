//! `PUT /api/organisations/{id}`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::organisations::{Organisation, OrganisationBody};
use keepsake_app::{organisation, service::Caller};
use keepsake_domain::OrganisationId;
use uuid::Uuid;

/// Gives an organisation another name, which is all that people set of it.
#[utoipa::path(put, path = "/api/organisations/{id}", tag = "organisations", operation_id = "organisation_rename",
    params(("id" = Uuid, Path, description = "The organisation.")), request_body = OrganisationBody,
    responses((status = 200, description = "The organisation as it is now.", body = Organisation)))]
pub async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<OrganisationBody>,
) -> Result<Json<Organisation>> {
    let renamed = organisation::rename(&app.service, &caller, OrganisationId::from_uuid(id), &body.name).await?;
    Ok(Json(shown(renamed)))
}
