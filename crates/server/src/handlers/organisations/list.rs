//! `GET /api/organisations`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{organisations::OrganisationList, page::PageQuery};
use keepsake_app::{organisation, service::Caller};

/// The organisations of the installation, newest first. For the operator's admins.
#[utoipa::path(get, path = "/api/organisations", tag = "organisations", operation_id = "organisation_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = OrganisationList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<OrganisationList>> {
    let found = organisation::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(OrganisationList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
