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

fn subject(id: OrganisationId) -> String {
    format!("organisation {id}")
}
