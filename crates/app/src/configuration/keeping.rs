//! What configurations decide about points that are made, by their runs or by the day: to where they go, and for how long they are kept.
//!
//! Of several that have a wedding the most particular decides (one wedding, some classes, all), and of equally particular ones the
//! oldest. What none of them says is left to the usual target and the usual days.

use keepsake_catalog::{
    Result, Tx,
    configurations::{self, Configuration},
    policies,
    weddings::Wedding,
};
use keepsake_domain::{ConfigurationId, OrganisationId, SourceId, TargetId, configuration::Scope, retention::Policy};
use std::cmp::Reverse;

/// The configurations of a source that are switched on, and the days of the one that runs.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// Of the configuration whose run it is.
    own: Option<Policy>,
    /// The oldest first.
    all: Vec<(Configuration, Option<Policy>)>,
}

impl Keeping {
    /// What counts for points of a source that belong to an organisation; `run` is the configuration that runs.
    pub(crate) async fn of(
        tx: &mut Tx,
        organisation: OrganisationId,
        source: SourceId,
        run: Option<ConfigurationId>,
    ) -> Result<Self> {
        let all = configurations::of_source(tx, organisation, source).await?;
        let run = match run {
            Some(id) => configurations::get(tx, id).await?,
            None => None,
        };
        let own = match run.and_then(|run| run.document.retention_policy_id) {
            Some(id) => policies::get(tx, id).await?.map(|policy| policy.rules),
            None => None,
        };
        Ok(Self { own, all })
    }

    fn having(&self, wedding: &Wedding) -> impl Iterator<Item = &(Configuration, Option<Policy>)> {
        let (id, class, source) = (wedding.id, wedding.criticality, wedding.source);
        self.all.iter().filter(move |(one, _)| one.document.source_id == source && one.document.scope.has(id, class))
    }

    /// Where a wedding's points go, if one of them says so.
    pub(crate) fn target(&self, wedding: &Wedding) -> Option<TargetId> {
        // Of equal ones the first is taken.
        let decides = self.having(wedding).min_by_key(|(one, _)| Reverse(one.document.scope.particularity()));
        decides.and_then(|(one, _)| one.document.storage_targets.first()).map(|target| target.target_id)
    }

    /// For how long a wedding's points are kept.
    pub(crate) fn days(&self, wedding: &Wedding) -> Policy {
        let said = self.having(wedding).filter(|(_, days)| days.is_some());
        let decides = said.min_by_key(|(one, _)| Reverse(one.document.scope.particularity()));
        self.own.or_else(|| decides.and_then(|(_, days)| *days)).unwrap_or_default()
    }

    /// For how long points of the whole source are kept.
    pub(crate) fn days_of_whole(&self) -> Policy {
        let is_whole = |scope: &Scope| matches!(scope, Scope::Database | Scope::Bucket | Scope::Directory);
        let said = self.all.iter().filter(|(one, _)| is_whole(&one.document.scope)).find_map(|(_, days)| *days);
        self.own.or(said).unwrap_or_default()
    }
}
