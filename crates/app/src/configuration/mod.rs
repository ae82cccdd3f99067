//! Configurations: what is to be backed up, when, to where, and for how long (docs/configurations.md).
//!
//! What a configuration may say is decided by [`keepsake_domain::configuration`]; whether what it names is there, and may be used by its
//! organisation, is looked up here. Its runs are put into the queue by [`crate::scheduler`], or when somebody asks
//! ([`crate::execution`]); what they do is [`crate::worker`]'s.

mod bulk;
mod create;
mod delete;
mod keeping;
mod list;
mod replace;
mod run;
mod settle;
mod templates;
mod test;
mod undelete;

pub use bulk::{Bulk, Item, bulk};
pub use create::create;
pub use delete::delete;
pub(crate) use keeping::Keeping;
pub use list::{Shown, get, list};
pub use replace::replace;
pub(crate) use run::{Put, Wanted, asked_type, put};
pub use templates::{Template, templates};
pub use test::{Check, CheckState, Estimate, Tested, test};
pub use undelete::undelete;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::configurations::{self, Configuration};
use keepsake_domain::{
    ConfigurationId, Spread,
    configuration::Fault,
    permission::{Action, Relation},
};
use uuid::Uuid;

/// The configuration of that id, deleted or not, for an act on it: what is not there is put on record as a refusal.
async fn find_any(service: &Service, caller: &Caller, action: Action, id: ConfigurationId) -> Result<Configuration> {
    let found = configurations::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(configuration) = found {
        return Ok(configuration);
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(not_there())
}

/// The configuration of that id, for an act on it: what is not there, or deleted, is put on record as a refusal.
pub(crate) async fn find(
    service: &Service,
    caller: &Caller,
    action: Action,
    id: ConfigurationId,
) -> Result<Configuration> {
    let found = find_any(service, caller, action, id).await?;
    if found.deleted_at.is_none() {
        return Ok(found);
    }
    service.allow(caller, action, caller.relation_to(found.organisation), &subject(id), None).await?;
    Err(not_there())
}

fn not_there() -> Error {
    Error::new(Code::NotFound, "there is no configuration of that id")
}

pub(crate) fn subject(id: ConfigurationId) -> String {
    format!("configuration {id}")
}

/// Of what its runs are spread by.
pub(crate) fn spread(id: ConfigurationId) -> Spread {
    Spread::of(id.as_uuid())
}

/// All faults in one error.
fn invalid(faults: &[Fault]) -> Error {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Error::new(Code::Invalid, faults.join("; "))
}

/// Who is noted as the one that made it.
fn maker(caller: &Caller) -> Result<Uuid> {
    let maker = caller.scope.actor.id();
    maker.ok_or_else(|| Error::new(Code::Forbidden, "a configuration is made by a person or a program"))
}
