//! What people decide about a wedding by hand.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    source::next_run,
};
use keepsake_catalog::{
    settings::{self, Versioned},
    weddings::{self, Wedding},
};
use keepsake_domain::{
    Protection, WeddingId,
    permission::Action,
    wedding::{Settings, Thresholds},
};

/// The settings of a wedding; version 0 while nobody decided anything.
///
/// # Errors
/// [`Code::NotFound`]; else by cause.
pub async fn settings(service: &Service, caller: &Caller, id: WeddingId) -> Result<Versioned> {
    let (wedding, relation) = find(service, caller, Action::WeddingRead, id).await?;
    service.allow(caller, Action::WeddingRead, relation, &subject(id), Some(wedding.organisation)).await?;
    settings::get(&mut service.begin(caller).await?, id).await.map_err(failed)
}

/// Replaces the settings of a wedding if they are still of version `version`, and plans it anew at once. What protects less takes
/// a second factor (product.md E4).
///
/// # Errors
/// [`Code::Invalid`], [`Code::Stale`], [`Code::MfaRequired`]; else by cause.
pub async fn set_settings(
    service: &Service,
    caller: &Caller,
    id: WeddingId,
    version: i64,
    new: Settings,
    thresholds: &Thresholds,
) -> Result<(Versioned, Wedding)> {
    let (wedding, relation) = find(service, caller, Action::WeddingSettingsReplace, id).await?;
    if let Err(faults) = new.validate() {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        return Err(Error::new(Code::Invalid, faults.join("; ")));
    }
    let now = service.context.clock.now();
    let old = settings::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    let before = Protection::decide(&wedding.facts, &old.settings, thresholds, now);
    let after = Protection::decide(&wedding.facts, &new, thresholds, now);
    let weaker = after.is_weaker_than(&before);
    let action = if weaker { Action::WeddingSettingsWeaken } else { Action::WeddingSettingsReplace };
    let organisation = wedding.organisation;
    let work = async {
        // Which action it is was judged by what `old` says.
        if old.version != version {
            return Err(stale());
        }
        let mut tx = service.begin(caller).await?;
        let put = settings::put(&mut tx, id, organisation, version, &new, now).await.map_err(failed)?;
        let version = put.ok_or_else(stale)?;
        let next = next_run(&wedding, &after, wedding.vanished_at.is_some(), now);
        weddings::protect(&mut tx, id, &after, next).await.map_err(failed)?;
        let wedding = weddings::get(&mut tx, id).await.map_err(failed)?;
        let wedding = wedding.ok_or_else(|| Error::new(Code::NotFound, "there is no wedding of that id"))?;
        tx.commit().await.map_err(failed)?;
        Ok((Versioned { settings: new.clone(), version }, wedding))
    };
    service.act(caller, action, relation, &subject(id), Some(organisation), work).await
}

fn stale() -> Error {
    Error::new(Code::Stale, "the settings were changed meanwhile")
}
