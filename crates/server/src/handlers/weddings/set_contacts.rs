//! `PUT /api/weddings/{id}/contacts`.

use super::shown_contacts;
use crate::{
    app::App,
    extract::{Json, Path},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::contacts::{EmergencyContact, WeddingContacts};
use keepsake_app::{
    service::Caller,
    wedding::{self, NewContact},
};
use keepsake_domain::WeddingId;
use uuid::Uuid;

/// Makes exactly these the emergency contacts of a wedding.
#[utoipa::path(put, path = "/api/weddings/{id}/contacts", tag = "weddings", operation_id = "wedding_contacts_set",
    params(("id" = Uuid, Path, description = "The wedding.")), request_body = WeddingContacts,
    responses((status = 200, description = "The contacts as they are now.", body = WeddingContacts)))]
pub async fn set_contacts(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(body): Json<WeddingContacts>,
) -> Result<Json<WeddingContacts>> {
    let given = |contact: EmergencyContact| NewContact { email: contact.email, name: contact.name, part: contact.part };
    let new: Vec<NewContact> = body.contacts.into_iter().map(given).collect();
    let set = wedding::set_contacts(&app.service, &caller, WeddingId::from_uuid(id), &new).await?;
    Ok(Json(shown_contacts(set)))
}
