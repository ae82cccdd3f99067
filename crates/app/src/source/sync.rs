//! Weddings are looked for: they appear, move, are called off, vanish, and come back.
//!
//! Both sides are walked in the order of the ids, a page at a time, so that memory does not grow with the number of weddings
//! and a row is written only if something about it changed. Whose row is gone has *vanished* (S14): it is marked, keeps
//! its days and protection, and is no longer captured, because what is gone may be damage.

use super::{
    CredentialPurpose, Purpose, credential, find, identity, inspect::only_databases, lasting, next_run, open, subject,
};
use crate::{
    error::{Code, Error, Result},
    mapping,
    notification::{self, Event},
    service::{Caller, Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope, Tx, organisations, settings,
    sources::{self, Source},
    weddings::{self, Wedding},
};
use keepsake_domain::{
    OrganisationId, Protection, SourceId, WeddingId,
    permission::Action,
    wedding::{Facts, Settings, Status, Thresholds},
};
use keepsake_postgres::{
    capture::{self, Root},
    schema,
};
use std::collections::{BTreeMap, HashMap};

/// What a sync found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Synced {
    /// Weddings in the source.
    pub found: u64,
    /// Seen for the first time.
    pub new: u64,
    /// Of those known before: with other days.
    pub moved: u64,
    /// Of those known before: newly called off.
    pub cancelled: u64,
    /// No longer in the source.
    pub vanished: u64,
    /// In the source again.
    pub returned: u64,
}

/// Weddings read and written at a time.
const PAGE: u16 = 500;
/// So many weddings that vanish at once are told of one by one.
const TOLD_ONE_BY_ONE: usize = 5;

/// Looks for weddings in a source now.
///
/// # Errors
/// [`Code::Invalid`] without a mapping; [`Code::MappingMismatch`], [`Code::DatabaseUnreachable`], [`Code::DatabaseRights`]; else by
/// cause. The reason is kept at the source.
pub async fn sync(service: &Service, caller: &Caller, id: SourceId, thresholds: &Thresholds) -> Result<Synced> {
    let source = find(service, caller, Action::SourceSync, id).await?;
    let relation = caller.relation_to(source.organisation);
    let work = run(service, &caller.scope, &source, thresholds);
    service.act(caller, Action::SourceSync, relation, &subject(id), Some(source.organisation), work).await
}

/// As [`sync`], by a worker or the scheduler, in their scope.
///
/// # Errors
/// As [`sync`].
pub async fn sync_as(service: &Service, scope: &Scope, id: SourceId, thresholds: &Thresholds) -> Result<Synced> {
    let source = sources::get(&mut begin(service, scope).await?, id).await.map_err(failed)?;
    let source = source.ok_or_else(|| Error::new(Code::NotFound, "there is no source of that id"))?;
    run(service, scope, &source, thresholds).await
}

async fn begin(service: &Service, scope: &Scope) -> Result<Tx> {
    service.catalog.begin(scope).await.map_err(failed)
}

async fn run(service: &Service, scope: &Scope, source: &Source, thresholds: &Thresholds) -> Result<Synced> {
    // The operator said that some of these weddings are others': writing them takes the service's own reach.
    let scope = if source.assignments.is_empty() { *scope } else { Scope::system(scope.request) };
    let looked = Box::pin(look(service, &scope, source, thresholds)).await;
    let mut tx = begin(service, &scope).await?;
    match &looked {
        Ok((identity, _)) => sources::synced(&mut tx, source.id, identity, service.context.clock.now()).await,
        Err(error) => sources::sync_failed(&mut tx, source.id, &error.chain()).await,
    }
    .map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    looked.map(|(_, synced)| synced)
}

async fn look(service: &Service, scope: &Scope, source: &Source, thresholds: &Thresholds) -> Result<(String, Synced)> {
    only_databases(source)?;
    let no_mapping =
        || Error::new(Code::Invalid, "the source has no mapping yet: inspect it, and set what is proposed");
    let written = mapping::parse(source.mapping.clone().ok_or_else(no_mapping)?, "the source's mapping")?;
    let dsn = credential::dsn(service, source, CredentialPurpose::Capture).await?;
    let session = open(&dsn, Purpose::Inspect).await?;
    let identity = match &source.identity {
        Some(known) => known.clone(),
        // A role that may not ask for the cluster's id is good enough for all else.
        None => match identity(&session, None).await {
            Ok(name) => {
                let operator = organisations::operator(&mut begin(service, scope).await?).await.map_err(failed)?;
                lasting::found(source.organisation, operator, name)
            }
            Err(_) => lasting::registered(source.organisation, source.id),
        },
    };
    let schema = schema::read(&session.client).await.map_err(|error| {
        Error::because(Code::DatabaseUnreachable, "the database's catalog could not be read", error)
    })?;
    let bound = written.fit(&schema)?;
    let unread = |error: capture::Error| {
        let code = match &error {
            capture::Error::Privilege { .. } | capture::Error::RowSecurity { .. } => Code::DatabaseRights,
            _ => Code::DatabaseUnreachable,
        };
        Error::because(code, "the weddings could not be read", error)
    };
    let mut roots = capture::roots(&session, &written.mapping, &bound, &thresholds.time_zone).await.map_err(unread)?;
    let mut merge = Merge { service, source, thresholds, now: service.context.clock.now(), synced: Synced::default() };
    let mut after: Option<String> = None;
    loop {
        let page = roots.page(PAGE.into()).await.map_err(unread)?;
        let until = page.last().map(|root| root.id.clone()).filter(|_| page.len() == usize::from(PAGE));
        let mut tx = begin(service, scope).await?;
        merge.page(&mut tx, page, after.as_deref(), until.as_deref()).await?;
        tx.commit().await.map_err(failed)?;
        if until.is_none() {
            return Ok((identity, merge.synced));
        }
        after = until;
    }
}

/// The weddings of the source on one side, those that are known on the other.
struct Merge<'a> {
    service: &'a Service,
    source: &'a Source,
    thresholds: &'a Thresholds,
    now: Timestamp,
    synced: Synced,
}

impl Merge<'_> {
    /// Joins the weddings with ids after `after` and up to `until`.
    async fn page(&mut self, tx: &mut Tx, page: Vec<Root>, after: Option<&str>, until: Option<&str>) -> Result<()> {
        self.synced.found += u64::try_from(page.len()).unwrap_or(0);
        let mut roots: HashMap<String, Root> = page.into_iter().map(|root| (root.id.clone(), root)).collect();
        let mut from = after.map(ToOwned::to_owned);
        loop {
            let known = weddings::between(tx, self.source.id, from.as_deref(), until, PAGE).await.map_err(failed)?;
            let Some(last) = known.last() else { break };
            from = Some(last.external_id.clone());
            let ids: Vec<WeddingId> = known.iter().map(|wedding| wedding.id).collect();
            let settings = settings::of(tx, &ids).await.map_err(failed)?;
            let changed: Vec<Wedding> = known
                .into_iter()
                .filter_map(|wedding| {
                    let root = roots.remove(&wedding.external_id);
                    let settings = settings.get(&wedding.id).cloned().unwrap_or_default();
                    self.known(wedding, root, &settings)
                })
                .collect();
            weddings::put(tx, &changed).await.map_err(failed)?;
            self.tell_gone(tx, &changed).await?;
        }
        let new: Result<Vec<Wedding>> = roots.into_values().map(|root| self.found(root)).collect();
        weddings::put(tx, &new?).await.map_err(failed)
    }

    /// Tells of those of these that have just vanished. Of many at once that is one event: a table that was emptied must not fill mailboxes.
    async fn tell_gone(&self, tx: &mut Tx, changed: &[Wedding]) -> Result<()> {
        let mut gone: BTreeMap<OrganisationId, Vec<&Wedding>> = BTreeMap::new();
        for wedding in changed.iter().filter(|wedding| wedding.vanished_at == Some(self.now)) {
            gone.entry(wedding.organisation).or_default().push(wedding);
        }
        for (organisation, weddings) in gone {
            if weddings.len() <= TOLD_ONE_BY_ONE {
                for wedding in weddings {
                    let event = Event::WeddingVanished(wedding);
                    notification::enqueue(tx, &event, self.now).await.map_err(failed)?;
                }
            } else {
                let ids: Vec<WeddingId> = weddings.iter().map(|wedding| wedding.id).collect();
                let event = Event::WeddingsVanished { organisation, source: self.source.id, weddings: &ids };
                notification::enqueue(tx, &event, self.now).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// A wedding that is known, as it is now; `None` if nothing about it changed.
    fn known(&mut self, wedding: Wedding, root: Option<Root>, settings: &Settings) -> Option<Wedding> {
        let gone = root.is_none();
        let facts = match root {
            Some(root) => with(wedding.facts.clone(), &root),
            None => Facts { status: Status::Vanished, ..wedding.facts.clone() },
        };
        let protection = Protection::decide(&facts, settings, self.thresholds, self.now);
        let was_gone = wedding.vanished_at.is_some();
        if facts == wedding.facts && protection == wedding.protection && gone == was_gone {
            return None;
        }
        let newly_off = facts.status == Status::Cancelled && wedding.facts.status != Status::Cancelled;
        self.synced.moved += u64::from(!gone && facts.days != wedding.facts.days);
        self.synced.cancelled += u64::from(newly_off);
        self.synced.vanished += u64::from(gone && !was_gone);
        self.synced.returned += u64::from(was_gone && !gone);
        Some(Wedding {
            next_run_at: next_run(&wedding, &protection, gone, self.now),
            criticality: protection.criticality,
            vanished_at: gone.then(|| wedding.vanished_at.unwrap_or(self.now)),
            seen_at: if gone { wedding.seen_at } else { self.now },
            facts,
            protection,
            ..wedding
        })
    }

    fn found(&mut self, root: Root) -> Result<Wedding> {
        self.synced.new += 1;
        let id = WeddingId::from_uuid(self.service.context.new_id()?);
        let facts = with(Facts::unknown(id), &root);
        let protection = Protection::decide(&facts, &Settings::default(), self.thresholds, self.now);
        let assigned = root.organisation.as_ref().and_then(|value| self.source.assignments.get(value));
        Ok(Wedding {
            id,
            organisation: assigned.copied().unwrap_or(self.source.organisation),
            source: self.source.id,
            external_id: root.id,
            facts,
            criticality: protection.criticality,
            protection,
            vault: None,
            seen_at: self.now,
            vanished_at: None,
            next_run_at: Some(self.now),
            last_point_at: None,
            confirmed_at: None,
            integrity_score: None,
        })
    }
}

/// What the row says over what was known; what only a capture can count stays.
fn with(facts: Facts, root: &Root) -> Facts {
    Facts {
        days: root.days,
        time_zone: root.time_zone.clone(),
        status: root.status,
        guest_count: root.guest_count,
        budget: root.budget,
        ..facts
    }
}
