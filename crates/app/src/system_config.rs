//! The system configuration: read by everybody who decides, changed by the operator's admins, each change a version with its reason.

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Scope,
    system_config::{self, Version},
};
use keepsake_domain::{
    RequestId, UserId,
    permission::{Action, Relation},
    system::SystemConfig,
};

const SUBJECT: &str = "system configuration";
/// Longest reason, in characters.
const REASON_CHARS_MAX: usize = 1000;

/// What holds now, for whoever decides by it.
///
/// # Errors
/// [`Code::CatalogFailed`].
pub async fn current(service: &Service) -> Result<SystemConfig> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    let mut tx = service.catalog.begin(&scope).await.map_err(failed)?;
    Ok(system_config::newest(&mut tx).await.map_err(failed)?.map(|version| version.config).unwrap_or_default())
}

/// The newest version; `None` while nobody changed the defaults.
///
/// # Errors
/// [`Code::Forbidden`]; else by cause.
pub async fn get(service: &Service, caller: &Caller) -> Result<Option<Version>> {
    service.allow(caller, Action::SystemConfigRead, Relation::Collection, SUBJECT, None).await?;
    system_config::newest(&mut service.begin(caller).await?).await.map_err(failed)
}

/// Versions, the newest first, before `before` if that is given.
///
/// # Errors
/// [`Code::Forbidden`]; else by cause.
pub async fn history(service: &Service, caller: &Caller, size: u16, before: Option<i64>) -> Result<Vec<Version>> {
    service.allow(caller, Action::SystemConfigRead, Relation::Collection, SUBJECT, None).await?;
    system_config::history(&mut service.begin(caller).await?, size, before).await.map_err(failed)
}

/// Replaces it, if it is still of that version. Weddings are decided anew by the next look at their source. What protects less takes
/// a fresh second factor.
///
/// # Errors
/// [`Code::Invalid`] with every fault; [`Code::Stale`], [`Code::MfaRequired`], [`Code::Forbidden`]; else by cause.
pub async fn replace(
    service: &Service,
    caller: &Caller,
    version: i64,
    config: &SystemConfig,
    reason: &str,
) -> Result<Version> {
    let old = current(service).await?;
    let weaker = config.is_weaker_than(&old);
    let action = if weaker { Action::SystemConfigWeaken } else { Action::SystemConfigReplace };
    let work = async {
        check(config, reason)?;
        let now = service.context.clock.now();
        let by = caller.scope.actor.id().map(UserId::from_uuid);
        let mut tx = service.begin(caller).await?;
        // Which action it is was judged by what was read before.
        let newest = system_config::newest(&mut tx).await.map_err(failed)?;
        let same = newest.as_ref().map_or(&SystemConfig::default(), |newest| &newest.config) == &old;
        let done = same && system_config::put(&mut tx, version, config, by, reason, now).await.map_err(failed)?;
        if !done {
            return Err(Error::new(Code::Stale, "the system configuration was changed meanwhile"));
        }
        tx.commit().await.map_err(failed)?;
        Ok(Version {
            version: version + 1,
            config: config.clone(),
            changed_at: now,
            changed_by: by,
            reason: reason.to_owned(),
        })
    };
    service.act(caller, action, Relation::Collection, SUBJECT, None, work).await
}

fn check(config: &SystemConfig, reason: &str) -> Result<()> {
    let mut faults: Vec<String> =
        config.faults().into_iter().map(|fault| format!("/document{}: {}", fault.pointer, fault.message)).collect();
    if reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        faults.push(format!("/reason: say why, in at most {REASON_CHARS_MAX} characters"));
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::new(Code::Invalid, faults.join("; "))),
    }
}
