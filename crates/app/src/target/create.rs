//! A target is registered.

use super::{Reach, Shown, check_url, place, subject};
use crate::{
    error::{Code, Error, Result},
    organisation,
    service::{Caller, Service, catalog::failed},
    source::{Keys, check_name, seal},
};
use keepsake_catalog::{
    organisations,
    targets::{self, Target},
};
use keepsake_domain::{OrganisationId, TargetId, permission::Action, tier::Tier};

/// A target to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// For whom; the caller's organisation if `None`. One of the operator's is lent to everybody.
    pub organisation: Option<OrganisationId>,
    /// What people call it.
    pub name: String,
    /// Which copy it is for.
    pub tier: Tier,
    /// A storage URL, without secrets.
    pub url: String,
    /// The keys of the store.
    pub keys: Option<Keys>,
}

/// Registers a target. Nothing is asked of the store yet: `test` does.
///
/// # Errors
/// [`Code::Invalid`], [`Code::StorageInvalid`], [`Code::Forbidden`] for what is the operator's, [`Code::Exists`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, new: New) -> Result<Shown> {
    let no_one = || Error::new(Code::Invalid, "/organisation_id: say for whom");
    let organisation = new.organisation.or(caller.organisation()).ok_or_else(no_one)?;
    organisation::expect(service, caller, "/organisation_id", &[organisation]).await?;
    check_name(&new.name)?;
    let reach = check_url(&new.url)?;
    let operator = organisations::operator(&mut service.begin(caller).await?).await.map_err(failed)?;
    let lent = organisation == operator;
    let action = if lent || reach != Reach::Remote { Action::LentTargetCreate } else { Action::TargetCreate };
    let id = TargetId::from_uuid(service.context.new_id()?);
    let work = async {
        if !lent && reach != Reach::Remote {
            let message =
                "/url: folders and stores without TLS are the operator's: register it for the operator's organisation";
            return Err(Error::new(Code::Invalid, message));
        }
        if !lent && new.keys.is_none() {
            return Err(Error::new(Code::Invalid, "/credentials: give the keys of the store"));
        }
        if reach == Reach::Folder && new.keys.is_some() {
            return Err(Error::new(Code::Invalid, "/credentials: a folder has no keys"));
        }
        let keys = new.keys.as_ref().map(Keys::written).transpose()?;
        let credentials = keys.map(|keys| seal(service, place(organisation, id), &keys)).transpose()?;
        let target = Target {
            id,
            organisation,
            name: new.name.trim().to_owned(),
            tier: new.tier,
            url: new.url.clone(),
            credentials,
            version: 1,
            created_at: service.context.clock.now(),
        };
        let mut tx = service.begin(caller).await?;
        targets::add(&mut tx, &target).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Shown::of(target, lent))
    };
    let relation = caller.relation_to_new(organisation);
    service.act(caller, action, relation, &subject(id), Some(organisation), work).await
}
