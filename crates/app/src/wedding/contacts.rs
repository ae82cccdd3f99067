//! Who is told in an emergency of a wedding, and need not be a user.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    identity::users::Email,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::contacts::{self, Contact};
use keepsake_domain::{ContactId, WeddingId, permission::Action};
use std::collections::BTreeSet;

/// More contacts than this no wedding has.
const MOST: usize = 20;
/// Longest name and part, in characters; the catalog has the same limit.
const CHARS_MAX: usize = 200;

/// A contact as somebody gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct NewContact {
    /// The address.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they are to the wedding, in words.
    pub part: String,
}

/// The emergency contacts of a wedding.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; else by cause.
pub async fn contacts(service: &Service, caller: &Caller, id: WeddingId) -> Result<Vec<Contact>> {
    let (wedding, relation) = find(service, caller, Action::ContactsRead, id).await?;
    service.allow(caller, Action::ContactsRead, relation, &subject(id), Some(wedding.organisation)).await?;
    contacts::list(&mut service.begin(caller).await?, id).await.map_err(failed)
}

/// Makes exactly these the emergency contacts of a wedding.
///
/// # Errors
/// [`Code::Invalid`] for an address that is none or comes twice, and for what is too long; else as `contacts`.
pub async fn set_contacts(
    service: &Service,
    caller: &Caller,
    id: WeddingId,
    new: &[NewContact],
) -> Result<Vec<Contact>> {
    let (wedding, relation) = find(service, caller, Action::ContactsReplace, id).await?;
    let work = async {
        let checked = check(service, new)?;
        let mut tx = service.begin(caller).await?;
        let now = service.context.clock.now();
        contacts::replace(&mut tx, id, wedding.organisation, &checked, now).await.map_err(failed)?;
        let contacts = contacts::list(&mut tx, id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(contacts)
    };
    service.act(caller, Action::ContactsReplace, relation, &subject(id), Some(wedding.organisation), work).await
}

fn check(service: &Service, new: &[NewContact]) -> Result<Vec<Contact>> {
    let invalid = |place: &str, message: &str| Error::new(Code::Invalid, format!("{place}: {message}"));
    if new.len() > MOST {
        return Err(invalid("/contacts", &format!("name at most {MOST}")));
    }
    let mut known = BTreeSet::new();
    let check = |(number, contact): (usize, &NewContact)| {
        let at = |field: &str| format!("/contacts/{number}/{field}");
        let email = Email::parse(&contact.email).map_err(|_| invalid(&at("email"), "this is no e-mail address"))?;
        if !known.insert(email.as_str().to_owned()) {
            return Err(invalid(&at("email"), "this address is in the list already"));
        }
        let text = |field: &str, text: &str| {
            let text = text.trim();
            match text.chars().count() > CHARS_MAX || text.contains(char::is_control) {
                true => Err(invalid(&at(field), &format!("use at most {CHARS_MAX} characters, in one line"))),
                false => Ok(text.to_owned()),
            }
        };
        Ok(Contact {
            id: ContactId::from_uuid(service.context.new_id()?),
            email: email.as_str().to_owned(),
            name: text("name", &contact.name)?,
            part: text("part", &contact.part)?,
        })
    };
    new.iter().enumerate().map(check).collect()
}
