//! A retention policy is made.

use super::{check, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::policies::{self, Policy};
use keepsake_domain::{OrganisationId, PolicyId, permission::Action, retention};

/// A policy to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// For whom; the caller's organisation if `None`.
    pub organisation: Option<OrganisationId>,
    /// What people call it.
    pub name: String,
    /// The days.
    pub rules: retention::Policy,
}

/// Makes a policy. It counts once a configuration names it.
///
/// # Errors
/// [`Code::Invalid`] with every fault; [`Code::Exists`], [`Code::Forbidden`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, new: New) -> Result<Policy> {
    let no_one = || Error::new(Code::Invalid, "/organisation_id: say for whom");
    let organisation = new.organisation.or(caller.organisation()).ok_or_else(no_one)?;
    crate::organisation::expect(service, caller, "/organisation_id", &[organisation]).await?;
    let id = PolicyId::from_uuid(service.context.new_id()?);
    let work = async {
        check(&new.name, &new.rules)?;
        let policy = Policy {
            id,
            organisation,
            name: new.name.trim().to_owned(),
            rules: new.rules,
            version: 1,
            created_at: service.context.clock.now(),
        };
        let mut tx = service.begin(caller).await?;
        policies::add(&mut tx, &policy).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(policy)
    };
    let relation = caller.relation_to_new(organisation);
    service.act(caller, Action::PolicyCreate, relation, &subject(id), Some(organisation), work).await
}
