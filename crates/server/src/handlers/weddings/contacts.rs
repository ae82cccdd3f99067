//! `GET /api/weddings/{id}/contacts`.

use super::shown_contacts;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::contacts::WeddingContacts;
use keepsake_app::{service::Caller, wedding};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// Who is told in an emergency of a wedding, beside its members and the admins.
#[utoipa::path(get, path = "/api/weddings/{id}/contacts", tag = "weddings", operation_id = "wedding_contacts",
    params(("id" = Uuid, Path, description = "The wedding.")),
    responses((status = 200, description = "Its contacts.", body = WeddingContacts)))]
pub async fn contacts(State(app): State<App>, caller: Caller, Path(id): Path<Uuid>) -> Result<Json<WeddingContacts>> {
    Ok(Json(shown_contacts(wedding::contacts(&app.service, &caller, WeddingId::from_uuid(id)).await?)))
}
