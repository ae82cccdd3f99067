//! Weddings that the service found in its sources: how they are protected and why, what people decided about them by hand, and
//! who sees them.

mod contacts;
mod list;
mod members;
mod settings;
mod timeline;

pub use contacts::{NewContact, contacts, set_contacts};
pub use list::{get, list};
pub use members::{members, set_members};
pub use settings::{set_settings, settings};
pub use timeline::{Timeline, integrity, timeline};

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Role,
    weddings::{self, Wedding},
};
use keepsake_domain::{
    WeddingId,
    permission::{Action, Relation},
};

/// The wedding of that id, for an act on it, with what it is to the caller: what is not there, or not for them, is put on
/// record as a refusal.
pub(crate) async fn find(
    service: &Service,
    caller: &Caller,
    action: Action,
    id: WeddingId,
) -> Result<(Wedding, Relation)> {
    let found = weddings::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(wedding) = found {
        // The catalog shows members their own weddings only.
        let own = caller.scope.role == Role::Member;
        let relation = if own { Relation::Own } else { caller.relation_to(wedding.organisation) };
        return Ok((wedding, relation));
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no wedding of that id"))
}

pub(crate) fn subject(id: WeddingId) -> String {
    format!("wedding {id}")
}
