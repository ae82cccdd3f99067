//! A retention policy is changed, or it is shown what a change would do.

use super::{
    check,
    expiry::{self, Decided},
    find, subject,
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::policies::{self, Policy};
use keepsake_domain::{PolicyId, permission::Action, retention};

/// What a policy is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version that the caller read.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// The days.
    pub rules: retention::Policy,
}

/// What a change would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// It promises less for some class: it takes a second factor.
    pub weaker: bool,
    /// So many configurations name the policy.
    pub configurations: u64,
    /// What the next expiry removes, whether it is changed or not: the change itself removes nothing.
    pub expiring: Decided,
}

/// Replaces a policy, if it is still of the version that the caller read. One that promises less for some class takes a second factor.
/// Points keep what they were promised.
///
/// # Errors
/// [`Code::Invalid`] with every fault; [`Code::Stale`], [`Code::Exists`], [`Code::MfaRequired`]; else by cause.
pub async fn replace(service: &Service, caller: &Caller, id: PolicyId, change: Change) -> Result<Policy> {
    let old = find(service, caller, Action::PolicyReplace, id).await?;
    let work = async {
        judge(&old, &change)?;
        let stale = || Error::new(Code::Stale, "the policy was changed meanwhile");
        let mut tx = service.begin(caller).await?;
        let name = change.name.trim();
        let version = policies::replace(&mut tx, id, change.version, name, &change.rules).await.map_err(failed)?;
        let version = version.ok_or_else(stale)?;
        tx.commit().await.map_err(failed)?;
        Ok(Policy { name: name.to_owned(), rules: change.rules, version, ..old.clone() })
    };
    let relation = caller.relation_to(old.organisation);
    service.act(caller, action(&old, &change), relation, &subject(id), Some(old.organisation), work).await
}

/// What [`replace`] would do. Nothing is changed, and it takes no second factor.
///
/// # Errors
/// As [`replace`].
pub async fn preview(service: &Service, caller: &Caller, id: PolicyId, change: &Change) -> Result<Preview> {
    let old = find(service, caller, Action::PolicyReplace, id).await?;
    let relation = caller.relation_to(old.organisation);
    service.allow(caller, Action::PolicyReplace, relation, &subject(id), Some(old.organisation)).await?;
    judge(&old, change)?;
    let mut tx = service.begin(caller).await?;
    Ok(Preview {
        weaker: change.rules.is_weaker_than(&old.rules),
        configurations: policies::uses(&mut tx, id).await.map_err(failed)?,
        expiring: expiry::decide(&mut tx, old.organisation, service.context.clock.now()).await?,
    })
}

fn action(old: &Policy, change: &Change) -> Action {
    match change.rules.is_weaker_than(&old.rules) {
        true => Action::PolicyWeaken,
        false => Action::PolicyReplace,
    }
}

fn judge(old: &Policy, change: &Change) -> Result<()> {
    if old.version != change.version {
        return Err(Error::new(Code::Stale, "the policy was changed meanwhile"));
    }
    check(&change.name, &change.rules)
}
