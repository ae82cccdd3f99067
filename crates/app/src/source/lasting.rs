//! What stays the same about a source when its server moves. Vaults are found by it, so nobody may take on another's: what a
//! supplier names, and what a server says of itself, counts within the supplier's organisation only (S29). The operator
//! may name a source anything, such as what a vault of the command line was made with.

use crate::{
    error::{Code, Error, Result},
    service::Caller,
};
use keepsake_domain::{OrganisationId, SourceId};

/// The identity that `caller` names for a source of `organisation`, which has `now` so far.
pub(super) fn named(caller: &Caller, organisation: OrganisationId, name: &str, now: Option<&str>) -> Result<String> {
    if now == Some(name) {
        return Ok(name.to_owned());
    }
    if name.trim().is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Error::new(Code::Invalid, "/identity: use 1 to 200 printable characters"));
    }
    Ok(if caller.scope.operator { name.to_owned() } else { within(organisation, name) })
}

/// The identity of a source that nobody named.
pub(super) fn found(organisation: OrganisationId, operator: OrganisationId, name: String) -> String {
    if organisation == operator { name } else { within(organisation, &name) }
}

/// For a source that cannot say what it is: its place in the register.
pub(super) fn registered(organisation: OrganisationId, id: SourceId) -> String {
    within(organisation, &format!("source:{id}"))
}

fn within(organisation: OrganisationId, name: &str) -> String {
    format!("{organisation}/{name}")
}
