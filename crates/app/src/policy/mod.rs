//! Retention policies: for how long points are kept, under a name that configurations refer to; and which points are past that.
//!
//! A point keeps what it was promised when it was made (safety rule S25), so changing a policy deletes nothing: it counts for points that
//! are made, or found to be still true, from then on.

mod create;
pub(crate) mod expiry;
mod list;
mod replace;

pub use create::{New, create};
pub use list::{get, list};
pub use replace::{Change, Preview, preview, replace};

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::policies::{self, Policy};
use keepsake_domain::{
    PolicyId,
    permission::{Action, Relation},
    retention,
};

/// The policy of that id, for an act on it: what is not there is put on record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: PolicyId) -> Result<Policy> {
    let found = policies::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(policy) = found {
        return Ok(policy);
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no retention policy of that id"))
}

fn subject(id: PolicyId) -> String {
    format!("retention policy {id}")
}

/// Every fault of a policy.
fn check(name: &str, rules: &retention::Policy) -> Result<()> {
    let mut faults = Vec::new();
    if name.trim().is_empty() || name.chars().count() > 200 {
        faults.push("/name: use 1 to 200 characters".to_owned());
    }
    faults.extend(rules.validate().err().unwrap_or_default().iter().map(ToString::to_string));
    if faults.is_empty() { Ok(()) } else { Err(Error::new(Code::Invalid, faults.join("; "))) }
}
