//! Many configurations are made at once.

use super::{
    create::new,
    invalid,
    settle::{Settled, owner, settle},
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    configurations::{self, Configuration},
};
use keepsake_domain::{
    ConfigurationId, OrganisationId,
    configuration::{Draft, Fault},
    permission::{Action, Relation},
};
use std::collections::BTreeSet;

/// Most configurations of one call.
const MOST: usize = 500;

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bulk {
    /// All of them or none; else each by itself.
    pub atomic: bool,
    /// The configurations.
    pub items: Vec<Draft>,
}

/// What came of one of them.
#[derive(Debug)]
pub enum Item {
    /// It is made.
    Made(Box<Configuration>),
    /// It is not.
    Refused(Error),
}

/// Makes up to 500 configurations, and says of each what came of it. If one of an atomic call cannot be made none is, and every fault
/// of all of them is named.
///
/// # Errors
/// [`Code::Invalid`] for too many, and for faults of an atomic call; [`Code::MfaRequired`], [`Code::Forbidden`]; else by cause.
pub async fn bulk(service: &Service, caller: &Caller, bulk: Bulk) -> Result<Vec<Item>> {
    if bulk.items.is_empty() || bulk.items.len() > MOST {
        return Err(Error::new(Code::Invalid, format!("/items: give 1 to {MOST} configurations")));
    }
    let mut drafts = Vec::with_capacity(bulk.items.len());
    let mut tx = service.begin(caller).await?;
    for draft in bulk.items {
        drafts.push(judge(&mut tx, caller, draft).await?);
    }
    drop(tx);
    let weakens = drafts.iter().any(|(_, judged)| judged.as_ref().is_ok_and(Settled::weakens));
    let action = if weakens { Action::ConfigurationWeaken } else { Action::ConfigurationBulkCreate };
    // It is for the caller's own organisation only if every part of it is.
    let foreign = drafts.iter().find_map(|(owner, _)| owner.filter(|owner| Some(*owner) != caller.organisation()));
    let relation = if foreign.is_some() { Relation::Foreign } else { Relation::Collection };
    let what = format!("{} configurations", drafts.len());
    let work = async {
        match bulk.atomic {
            true => all(service, caller, drafts).await,
            false => each(service, caller, drafts).await,
        }
    };
    service.act(caller, action, relation, &what, foreign.or(caller.organisation()), work).await
}

/// For whom it is, and what it comes to.
type Judged = (Option<OrganisationId>, Result<Settled, Vec<Fault>>);

async fn judge(tx: &mut Tx, caller: &Caller, draft: Draft) -> Result<Judged> {
    let Some(organisation) = owner(tx, caller, &draft).await? else {
        let mut faults = draft.faults();
        faults.push(Fault::at("/organisation_id", "name an organisation that is there"));
        return Ok((None, Err(faults)));
    };
    let settled = settle(tx, draft, organisation).await?;
    Ok((Some(organisation), settled))
}

async fn all(service: &Service, caller: &Caller, drafts: Vec<Judged>) -> Result<Vec<Item>> {
    let mut tx = service.begin(caller).await?;
    let mut faults = Vec::new();
    let mut rows = Vec::with_capacity(drafts.len());
    let mut names = BTreeSet::new();
    for (n, (organisation, judged)) in drafts.into_iter().enumerate() {
        match (organisation, judged) {
            (Some(organisation), Ok(settled)) => {
                let name = settled.document.name.clone();
                if !names.insert((organisation, name.clone())) || is_taken(&mut tx, organisation, &name).await? {
                    faults.push(Fault::at(format!("/items/{n}/name"), "there is one of that name already"));
                }
                let id = ConfigurationId::from_uuid(service.context.new_id()?);
                rows.push(new(service, caller, id, organisation, settled)?);
            }
            (_, Err(found)) => {
                faults.extend(
                    found.into_iter().map(|fault| Fault::at(format!("/items/{n}{}", fault.pointer), fault.message)),
                );
            }
            (None, Ok(_)) => {}
        }
    }
    if !faults.is_empty() {
        return Err(invalid(&faults));
    }
    for row in &rows {
        configurations::add(&mut tx, row).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(rows.into_iter().map(|row| Item::Made(Box::new(row))).collect())
}

async fn is_taken(tx: &mut Tx, organisation: OrganisationId, name: &String) -> Result<bool> {
    let taken = configurations::taken(tx, organisation, std::slice::from_ref(name)).await.map_err(failed)?;
    Ok(!taken.is_empty())
}

async fn each(service: &Service, caller: &Caller, drafts: Vec<Judged>) -> Result<Vec<Item>> {
    let mut items = Vec::with_capacity(drafts.len());
    for (organisation, judged) in drafts {
        let made = match (organisation, judged) {
            (Some(organisation), Ok(settled)) => one(service, caller, organisation, settled).await,
            (_, Err(faults)) => Err(invalid(&faults)),
            (None, Ok(_)) => Err(Error::new(Code::Invalid, "/organisation_id: say for whom")),
        };
        items.push(made.map_or_else(Item::Refused, |made| Item::Made(Box::new(made))));
    }
    Ok(items)
}

async fn one(
    service: &Service,
    caller: &Caller,
    organisation: OrganisationId,
    settled: Settled,
) -> Result<Configuration> {
    let id = ConfigurationId::from_uuid(service.context.new_id()?);
    let row = new(service, caller, id, organisation, settled)?;
    let mut tx = service.begin(caller).await?;
    configurations::add(&mut tx, &row).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(row)
}
