//! Storage targets: where copies go. The operator's are lent to every organisation; an organisation's own are object stores on
//! the Internet, opened with keys of its own. Folders of the host and the machine's own credentials are the operator's (S29).

mod create;
mod list;
mod open;
mod reach;
mod test;

pub use create::{New, create};
pub use list::{Shown, get, list};
pub use open::open;
pub use reach::{Reach, check_url};
pub use test::test;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::targets::{self, Target};
use keepsake_domain::{
    OrganisationId, TargetId,
    permission::{Action, Relation},
};
use keepsake_keys::Place;

/// The target of that id, for an act on it, and whether it is the operator's: what is not there is put on record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: TargetId) -> Result<(Target, bool)> {
    let mut tx = service.begin(caller).await?;
    if let Some(target) = targets::get(&mut tx, id).await.map_err(failed)? {
        let operator = keepsake_catalog::organisations::operator(&mut tx).await.map_err(failed)?;
        let lent = target.organisation == operator;
        return Ok((target, lent));
    }
    drop(tx);
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no storage target of that id"))
}

/// What a target is to the caller: one that is lent to them is as good as of their organisation.
fn relation(caller: &Caller, target: &Target, lent: bool) -> Relation {
    if lent { Relation::Organisation } else { caller.relation_to(target.organisation) }
}

fn subject(id: TargetId) -> String {
    format!("storage target {id}")
}

fn place(organisation: OrganisationId, id: TargetId) -> Place<'static> {
    Place { organisation: *organisation.as_uuid(), table: "storage_targets", row: *id.as_uuid(), column: "credentials" }
}
