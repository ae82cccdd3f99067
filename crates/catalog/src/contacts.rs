//! Emergency contacts of weddings: people who are told, and need not be users.

use crate::{Result, Tx};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use keepsake_domain::{ContactId, OrganisationId, WeddingId};
use uuid::Uuid;

/// A contact. `Debug` shows nothing of who it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its id; a contact of the same address keeps it.
    pub id: ContactId,
    /// In lower case.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they are to the wedding, in words.
    pub part: String,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Those of a wedding, in the order in which they were given.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn list(tx: &mut Tx, wedding: WeddingId) -> Result<Vec<Contact>> {
    let rows = sqlx::query!(
        "SELECT id, email, name, part FROM keepsake.emergency_contacts WHERE wedding_id = $1 ORDER BY place, id",
        wedding.as_uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    let contact = |id, email, name, part| Contact { id: ContactId::from_uuid(id), email, name, part };
    Ok(rows.into_iter().map(|row| contact(row.id, row.email, row.name, row.part)).collect())
}

/// Makes exactly these the contacts of a wedding, in this order. One whose address is there keeps its id.
///
/// # Errors
/// [`Error`](crate::Error) by cause.
pub async fn replace(
    tx: &mut Tx,
    wedding: WeddingId,
    organisation: OrganisationId,
    contacts: &[Contact],
    now: Timestamp,
) -> Result<()> {
    let ids: Vec<Uuid> = contacts.iter().map(|contact| *contact.id.as_uuid()).collect();
    let column = |of: fn(&Contact) -> &String| -> Vec<String> { contacts.iter().map(of).cloned().collect() };
    let (emails, names, parts) =
        (column(|contact| &contact.email), column(|contact| &contact.name), column(|contact| &contact.part));
    sqlx::query!(
        "DELETE FROM keepsake.emergency_contacts WHERE wedding_id = $1 AND email <> ALL ($2)",
        wedding.as_uuid(),
        &emails,
    )
    .execute(tx.connection())
    .await?;
    sqlx::query!(
        "INSERT INTO keepsake.emergency_contacts (id, organisation_id, wedding_id, email, name, part, place, created_at)
         SELECT new.id, $1, $2, new.email, new.name, new.part, new.place, $7::timestamptz
         FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY AS new (id, email, name, part, place)
         ON CONFLICT (wedding_id, email) DO UPDATE SET name = excluded.name, part = excluded.part, place = excluded.place",
        organisation.as_uuid(),
        wedding.as_uuid(),
        &ids,
        &emails,
        &names,
        &parts,
        now.to_sqlx() as _,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}
