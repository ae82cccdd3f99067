//! Configurations as they are shown.

use super::{find, spread, subject};
use crate::{
    error::Result,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Cursor, Page, Tx,
    configurations::{self, Configuration, Filter},
    executions::{self, Execution},
};
use keepsake_domain::{
    ConfigurationId,
    configuration::Effective,
    permission::{Action, Relation},
};

/// A configuration, and what follows from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The configuration.
    pub configuration: Configuration,
    /// Which key wraps those that its backups are encrypted with.
    pub encryption_key: String,
    /// Its newest execution that the caller may see.
    pub last_execution: Option<Execution>,
    /// How often what it is about is captured in the end, and why.
    pub effective: Effective,
}

impl Shown {
    pub(super) async fn of(service: &Service, tx: &mut Tx, configuration: Configuration) -> Result<Self> {
        let now = service.context.clock.now();
        let (covered, _) = configurations::covered(tx, &configuration).await.map_err(failed)?;
        let filter = executions::Filter { configuration: Some(configuration.id), ..executions::Filter::default() };
        let newest = executions::list(tx, filter, 1, None).await.map_err(failed)?;
        Ok(Self {
            effective: configuration.document.effective(covered, spread(configuration.id), now),
            encryption_key: service.context.master.id().to_string(),
            last_execution: newest.items.into_iter().next(),
            configuration,
        })
    }
}

/// The configurations in reach, newest first.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden); else by cause.
pub async fn list(
    service: &Service,
    caller: &Caller,
    filter: Filter,
    size: u16,
    after: Option<Cursor>,
) -> Result<Page<Configuration>> {
    service.allow(caller, Action::ConfigurationRead, Relation::Collection, "configurations", None).await?;
    configurations::list(&mut service.begin(caller).await?, filter, size, after).await.map_err(failed)
}

/// One configuration, with its next run, its last execution, and how often it captures in the end.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); else by cause.
pub async fn get(service: &Service, caller: &Caller, id: ConfigurationId) -> Result<Shown> {
    let found = find(service, caller, Action::ConfigurationRead, id).await?;
    let (relation, owner) = (caller.relation_to(found.organisation), Some(found.organisation));
    service.allow(caller, Action::ConfigurationRead, relation, &subject(id), owner).await?;
    Shown::of(service, &mut service.begin(caller).await?, found).await
}
