//! Organisations: the tenants of an installation. The operator, who runs it, adds suppliers and names them.

mod create;
mod list;
mod rename;

pub use create::create;
pub use list::{get, list};
pub use rename::rename;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::organisations::{self, Organisation};
use keepsake_domain::{
    OrganisationId,
    permission::{Action, Relation},
};

/// The organisation of that id, for an act on it: what is not there, or not for this caller, is put on record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: OrganisationId) -> Result<Organisation> {
    let found = organisations::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(organisation) = found {
        return Ok(organisation);
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no organisation of that id"))
}

/// Refuses to make something for an organisation that is not there. Whoever sees only their own is refused by their rights.
pub(crate) async fn expect(service: &Service, caller: &Caller, pointer: &str, ids: &[OrganisationId]) -> Result<()> {
    if !caller.scope.operator {
        return Ok(());
    }
    let mut tx = service.begin(caller).await?;
    for id in ids.iter().filter(|id| Some(**id) != caller.organisation()) {
        if organisations::get(&mut tx, *id).await.map_err(failed)?.is_none() {
            return Err(Error::new(Code::Invalid, format!("{pointer}: there is no organisation {id}")));
        }
    }
    Ok(())
}

fn subject(id: OrganisationId) -> String {
    format!("organisation {id}")
}
