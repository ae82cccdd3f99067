//! A deleted configuration is brought back.

use super::{
    Shown, find_any, invalid,
    replace::days,
    settle::{Settled, settle},
    spread, subject,
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::configurations;
use keepsake_domain::{
    ConfigurationId,
    configuration::{Document, Draft},
    permission::Action,
};

/// Brings a deleted configuration back, as it was; its next run is planned from now. One that was not deleted stays as it is.
///
/// # Errors
/// [`Code::Exists`] if another has its name by now; [`Code::Invalid`] if what it names is not there any more; [`Code::MfaRequired`] if
/// it keeps points for less time than usual; else by cause.
pub async fn undelete(service: &Service, caller: &Caller, id: ConfigurationId) -> Result<Shown> {
    let found = find_any(service, caller, Action::ConfigurationUndelete, id).await?;
    let organisation = found.organisation;
    let kept = days(&mut service.begin(caller).await?, &found).await?;
    let weakens = found.deleted_at.is_some() && Settled { document: found.document.clone(), days: kept }.weakens();
    let action = if weakens { Action::ConfigurationWeaken } else { Action::ConfigurationUndelete };
    let work = async {
        let mut tx = service.begin(caller).await?;
        if found.deleted_at.is_some() {
            let settled = settle(&mut tx, draft(found.document), organisation).await?;
            let document = settled.map_err(|faults| invalid(&faults))?.document;
            let next = document.next_run(spread(id), service.context.clock.now());
            configurations::undelete(&mut tx, id, next).await.map_err(failed)?;
        }
        let gone = || Error::new(Code::NotFound, "there is no configuration of that id");
        let back = configurations::get(&mut tx, id).await.map_err(failed)?.ok_or_else(gone)?;
        let shown = Shown::of(service, &mut tx, back).await?;
        tx.commit().await.map_err(failed)?;
        Ok(shown)
    };
    let relation = caller.relation_to(organisation);
    service.act(caller, action, relation, &subject(id), Some(organisation), work).await
}

/// What would be written to get that document.
fn draft(document: Document) -> Draft {
    Draft {
        name: Some(document.name),
        backup_type: Some(document.backup_type),
        source_id: Some(document.source_id),
        scope: Some(document.scope),
        schedule: document.schedule,
        windows: document.windows,
        retention_policy_id: document.retention_policy_id,
        storage_targets: Some(document.storage_targets),
        compression: document.compression,
        is_wedding_critical: document.is_wedding_critical,
        notifications: document.notifications,
        enabled: document.enabled,
        ..Draft::default()
    }
}
