//! Whether what a draft names is there, and may be used: the faults that only the catalog knows of.

use crate::{
    error::Result,
    service::{Caller, catalog::failed},
};
use keepsake_catalog::{
    Tx, organisations, policies,
    sources::{self, Kind},
    targets, weddings,
};
use keepsake_domain::{
    OrganisationId,
    configuration::{Document, Draft, Fault, Scope},
    retention::Policy,
};

/// A draft without faults.
pub(super) struct Settled {
    pub document: Document,
    /// The days that its points are kept.
    pub days: Policy,
}

impl Settled {
    /// Whether a new configuration like this keeps points for less time than they would be without it.
    pub fn weakens(&self) -> bool {
        self.document.enabled && self.days.is_weaker_than(&Policy::default())
    }
}

/// For whom a draft is: as it says, else whose source it is about, else for the caller's organisation, if they have one.
pub(super) async fn owner(tx: &mut Tx, caller: &Caller, draft: &Draft) -> Result<Option<OrganisationId>> {
    if let Some(named) = draft.organisation_id {
        // Whoever sees only their own is refused by their rights.
        let is_there = !caller.scope.operator || organisations::get(tx, named).await.map_err(failed)?.is_some();
        return Ok(Some(named).filter(|_| is_there));
    }
    let source = match draft.source_id {
        Some(id) => sources::get(tx, id).await.map_err(failed)?,
        None => None,
    };
    Ok(source.map(|source| source.organisation).or(caller.organisation()))
}

/// The document of a draft, or every fault of it.
pub(super) async fn settle(
    tx: &mut Tx,
    draft: Draft,
    organisation: OrganisationId,
) -> Result<Result<Settled, Vec<Fault>>> {
    let mut faults = draft.faults();
    source(tx, &draft, organisation, &mut faults).await?;
    target(tx, &draft, organisation, &mut faults).await?;
    let mut days = Policy::default();
    if let Some(id) = draft.retention_policy_id {
        match policies::get(tx, id).await.map_err(failed)?.filter(|policy| policy.organisation == organisation) {
            Some(policy) => days = policy.rules,
            None => faults.push(Fault::at("/retention_policy_id", "there is no retention policy of that id")),
        }
    }
    match draft.into_document() {
        Some(document) if faults.is_empty() => Ok(Ok(Settled { document, days })),
        _ => Ok(Err(faults)),
    }
}

async fn source(tx: &mut Tx, draft: &Draft, organisation: OrganisationId, faults: &mut Vec<Fault>) -> Result<()> {
    let Some(id) = draft.source_id else { return Ok(()) };
    let Some(source) = sources::get(tx, id).await.map_err(failed)? else {
        faults.push(Fault::at("/source_id", "there is no source of that id"));
        return Ok(());
    };
    let Some(scope) = &draft.scope else { return Ok(()) };
    let kind = match scope {
        Scope::Database | Scope::Wedding { .. } | Scope::WeddingsByRule { .. } => Kind::Database,
        Scope::Bucket => Kind::Bucket,
        Scope::Directory => Kind::Directory,
    };
    if source.kind != kind {
        faults.push(Fault::at("/scope/kind", format!("the source is a {}", source.kind.name())));
    } else if scope.is_weddings() && source.mapping.is_none() {
        faults.push(Fault::at("/scope/kind", "the source has no mapping yet, so it has no weddings"));
    } else if !scope.is_weddings() && source.organisation != organisation {
        faults.push(Fault::at("/scope/kind", "a whole source is backed up for the organisation whose it is"));
    }
    if let Scope::Wedding { wedding_id } = scope {
        let wedding = weddings::get(tx, *wedding_id).await.map_err(failed)?;
        if wedding.is_none_or(|wedding| wedding.source != id || wedding.organisation != organisation) {
            faults.push(Fault::at("/scope/wedding_id", "the source has no wedding of that id"));
        }
    }
    Ok(())
}

async fn target(tx: &mut Tx, draft: &Draft, organisation: OrganisationId, faults: &mut Vec<Fault>) -> Result<()> {
    let operator = organisations::operator(tx).await.map_err(failed)?;
    for (n, named) in draft.storage_targets.iter().flatten().take(1).enumerate() {
        let found = targets::get(tx, named.target_id).await.map_err(failed)?;
        match found.filter(|target| target.organisation == organisation || target.organisation == operator) {
            None => {
                let pointer = format!("/storage_targets/{n}/target_id");
                faults.push(Fault::at(pointer, "there is no storage target of that id"));
            }
            Some(target) if target.tier != named.tier => {
                let message = format!("the target is registered as {}", target.tier);
                faults.push(Fault::at(format!("/storage_targets/{n}/tier"), message));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
