//! Targets as they are shown.

use super::{find, relation, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Cursor, Page, organisations,
    targets::{self, Target},
};
use keepsake_domain::{
    OrganisationId, TargetId,
    permission::{Action, Relation},
    tier::Tier,
};

/// A target without its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: TargetId,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// It is the operator's, for everybody to use.
    pub lent: bool,
    /// What people call it.
    pub name: String,
    /// Which copy it is for.
    pub tier: Tier,
    /// Where it is.
    pub url: String,
    /// Whether it has keys of its own.
    pub has_credentials: bool,
    /// Counts changes.
    pub version: i64,
    /// Since when it is here.
    pub created_at: Timestamp,
}

impl Shown {
    pub(super) fn of(target: Target, lent: bool) -> Self {
        Self {
            id: target.id,
            organisation: target.organisation,
            lent,
            name: target.name,
            tier: target.tier,
            url: target.url,
            has_credentials: target.credentials.is_some(),
            version: target.version,
            created_at: target.created_at,
        }
    }

    /// Folders of the host are named to the operator only.
    fn for_caller(mut self, caller: &Caller) -> Self {
        if !caller.scope.operator && self.url.starts_with("file:") {
            "file:".clone_into(&mut self.url);
        }
        self
    }
}

/// The targets that the caller's organisation may use, newest first.
///
/// # Errors
/// By cause.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Shown>> {
    service.allow(caller, Action::TargetRead, Relation::Collection, "storage targets", None).await?;
    let mut tx = service.begin(caller).await?;
    let operator = organisations::operator(&mut tx).await.map_err(failed)?;
    let page = targets::list(&mut tx, size, after).await.map_err(failed)?;
    let shown = |target: Target| {
        let lent = target.organisation == operator;
        Shown::of(target, lent).for_caller(caller)
    };
    Ok(Page { items: page.items.into_iter().map(shown).collect(), next: page.next })
}

/// One target.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: TargetId) -> Result<Shown> {
    let (target, lent) = find(service, caller, Action::TargetRead, id).await?;
    let owner = Some(target.organisation);
    service.allow(caller, Action::TargetRead, relation(caller, &target, lent), &subject(id), owner).await?;
    Ok(Shown::of(target, lent).for_caller(caller))
}
