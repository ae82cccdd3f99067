//! A configuration is made.

use super::{
    Shown, invalid, maker,
    settle::{Settled, owner, settle},
    spread, subject,
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::configurations::{self, Configuration};
use keepsake_domain::{ConfigurationId, OrganisationId, configuration::Draft, permission::Action};

/// Makes a configuration, and plans its first run. One whose points would be kept for less time than usual takes a second factor.
///
/// # Errors
/// [`Code::Invalid`] with every fault; [`Code::Exists`], [`Code::MfaRequired`], [`Code::Forbidden`]; else by cause.
pub async fn create(service: &Service, caller: &Caller, draft: Draft) -> Result<Shown> {
    let no_one = || Error::new(Code::Invalid, "/organisation_id: name an organisation that is there");
    let mut tx = service.begin(caller).await?;
    let organisation = owner(&mut tx, caller, &draft).await?.ok_or_else(no_one)?;
    let settled = settle(&mut tx, draft, organisation).await?;
    drop(tx);
    let weakens = settled.as_ref().is_ok_and(Settled::weakens);
    let action = if weakens { Action::ConfigurationWeaken } else { Action::ConfigurationCreate };
    let id = ConfigurationId::from_uuid(service.context.new_id()?);
    let work = async {
        let settled = settled.map_err(|faults| invalid(&faults))?;
        let configuration = new(service, caller, id, organisation, settled)?;
        let mut tx = service.begin(caller).await?;
        configurations::add(&mut tx, &configuration).await.map_err(failed)?;
        let shown = Shown::of(service, &mut tx, configuration).await?;
        tx.commit().await.map_err(failed)?;
        Ok(shown)
    };
    let relation = caller.relation_to_new(organisation);
    service.act(caller, action, relation, &subject(id), Some(organisation), work).await
}

/// The row of a new one.
pub(super) fn new(
    service: &Service,
    caller: &Caller,
    id: ConfigurationId,
    organisation: OrganisationId,
    settled: Settled,
) -> Result<Configuration> {
    let now = service.context.clock.now();
    Ok(Configuration {
        id,
        organisation,
        next_run_at: settled.document.next_run(spread(id), now),
        document: settled.document,
        created_by: maker(caller)?,
        created_at: now,
        version: 1,
        last_run_at: None,
        deleted_at: None,
    })
}
