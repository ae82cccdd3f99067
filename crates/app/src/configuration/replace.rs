//! A configuration is changed.

use super::{Shown, find, invalid, settle::settle, spread, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    configurations::{self, Configuration},
    policies,
};
use keepsake_domain::{
    ConfigurationId,
    configuration::{Draft, Fault},
    permission::Action,
    retention::Policy,
};

/// Replaces what a configuration says, if it is still of version `version`, and plans its next run anew. What protects less takes
/// a second factor (product.md E4).
///
/// # Errors
/// [`Code::Invalid`] with every fault; [`Code::Stale`], [`Code::Exists`], [`Code::MfaRequired`]; else by cause.
pub async fn replace(
    service: &Service,
    caller: &Caller,
    id: ConfigurationId,
    version: i64,
    draft: Draft,
) -> Result<Shown> {
    let old = find(service, caller, Action::ConfigurationReplace, id).await?;
    let organisation = old.organisation;
    let moved = draft.organisation_id.is_some_and(|named| named != organisation);
    let mut tx = service.begin(caller).await?;
    let mut settled = settle(&mut tx, draft, organisation).await?;
    if moved {
        let fault = Fault::at("/organisation_id", "a configuration stays with its organisation: make another");
        settled = Err(settled.err().unwrap_or_default().into_iter().chain([fault]).collect());
    }
    let kept = days(&mut tx, &old).await?;
    drop(tx);
    let now = service.context.clock.now();
    // One that is switched on decides from then on, as a new one would.
    let weaker = settled.as_ref().is_ok_and(|settled| {
        let newly = !old.document.enabled && settled.weakens();
        newly || settled.document.is_weaker_than(&old.document, [&settled.days, &kept], now)
    });
    let action = if weaker { Action::ConfigurationWeaken } else { Action::ConfigurationReplace };
    let work = async {
        // Which action it is was judged by what `old` says.
        let stale = || Error::new(Code::Stale, "the configuration was changed meanwhile");
        if old.version != version {
            return Err(stale());
        }
        let document = settled.map_err(|faults| invalid(&faults))?.document;
        // A run that is due stays due, unless it runs at other times now.
        let next = match document.schedule == old.document.schedule && old.document.enabled && document.enabled {
            true => old.next_run_at,
            false => document.next_run(spread(id), now),
        };
        let mut tx = service.begin(caller).await?;
        configurations::replace(&mut tx, id, version, &document, next).await.map_err(failed)?.ok_or_else(stale)?;
        let changed = configurations::get(&mut tx, id).await.map_err(failed)?.ok_or_else(stale)?;
        let shown = Shown::of(service, &mut tx, changed).await?;
        tx.commit().await.map_err(failed)?;
        Ok(shown)
    };
    let relation = caller.relation_to(organisation);
    service.act(caller, action, relation, &subject(id), Some(organisation), work).await
}

/// For how long its points are kept.
pub(super) async fn days(tx: &mut Tx, configuration: &Configuration) -> Result<Policy> {
    let Some(id) = configuration.document.retention_policy_id else { return Ok(Policy::default()) };
    let policy = policies::get(tx, id).await.map_err(failed)?;
    Ok(policy.map_or_else(Policy::default, |policy| policy.rules))
}
