//! Weddings that are due, put into the queue: those of one source and one organisation together, as one pass (safety rule S11).
//!
//! A wedding's next run is set when its pass is put into the queue, in one transaction, so that it is neither lost nor captured
//! twice. What was missed while nothing ran is caught up once, the most urgent first.

use super::system;
use crate::{
    configuration::Keeping,
    error::Result,
    service::{Service, catalog::failed},
    source::on_grid,
    worker::pass::{AT_ONCE, Payload},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Tx,
    executions::{self, Execution},
    queue::{Kind, NewJob, enqueue as put},
    weddings::{self, Wedding},
};
use keepsake_domain::{
    ExecutionId, Frequency, JobId, OrganisationId, SourceId, TargetId, WeddingId,
    backoff::Backoff,
    execution::{ExecutionType, State},
    schedule::Windows,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

/// Weddings looked at in one tick.
const LOOKED_AT: u16 = 5000;

/// Puts what is due into the queue; how many weddings.
pub(super) async fn enqueue(service: &Service) -> Result<usize> {
    let now = service.context.clock.now();
    let mut tx = system(service).await?;
    let due = weddings::due(&mut tx, now, LOOKED_AT).await.map_err(failed)?;
    let mut count = 0;
    for group in groups(&mut tx, due).await? {
        count += pass(service, &mut tx, group, now).await?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(count)
}

/// Weddings of one source and organisation that go to one place, the most urgent group first.
struct Group {
    source: SourceId,
    organisation: OrganisationId,
    /// Where to, if a configuration says so.
    placed: Option<TargetId>,
    weddings: Vec<Wedding>,
}

/// Sorts weddings, which come the most urgent first, into groups, in the same order.
async fn groups(tx: &mut Tx, due: Vec<Wedding>) -> Result<Vec<Group>> {
    let mut places: BTreeMap<(SourceId, OrganisationId, Option<TargetId>), usize> = BTreeMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut said: BTreeMap<(SourceId, OrganisationId), Keeping> = BTreeMap::new();
    for wedding in due {
        let (source, organisation) = (wedding.source, wedding.organisation);
        let keeping = match said.entry((source, organisation)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Keeping::of(tx, organisation, source, None).await.map_err(failed)?),
        };
        let placed = keeping.target(&wedding);
        let place = *places.entry((source, organisation, placed)).or_insert_with(|| {
            groups.push(Group { source, organisation, placed, weddings: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place).filter(|group| group.weddings.len() < AT_ONCE) {
            group.weddings.push(wedding);
        }
    }
    Ok(groups)
}

async fn pass(service: &Service, tx: &mut Tx, group: Group, now: Timestamp) -> Result<usize> {
    let Group { source, organisation, placed, weddings: due } = group;
    let ids: Vec<WeddingId> = due.iter().map(|wedding| wedding.id).collect();
    let target = match placed {
        Some(target) => Some(target),
        None => executions::usual_target_of_weddings(tx, organisation, source, &ids).await.map_err(failed)?,
    };
    let Some(target) = target else {
        tracing::warn!(%source, weddings = due.len(), "weddings are due, and there is no storage target to back up to");
        return Ok(0);
    };
    let priority = due.iter().map(|wedding| wedding.protection.priority.get()).max().unwrap_or(1);
    let often = due.iter().map(|wedding| wedding.protection.frequency).max().unwrap_or(Frequency::Weekly);
    let windows = Windows::default_for(often);
    let job = JobId::from_uuid(service.context.new_id()?);
    let new = NewJob {
        id: job,
        organisation,
        kind: Kind::Backup,
        priority: priority.into(),
        emergency: false,
        source: Some(source),
        wedding: None,
        configuration: None,
        payload: json!(Payload { weddings: ids.clone(), placed: placed.is_some() }),
        dedup_key: Some(weddings::pass_key(source)),
        run_after: now,
        start_before: None,
        finish_before: None,
        attempts_max: Backoff::default().most_attempts.try_into().unwrap_or(u16::MAX),
        stall_limit: Duration::from_secs(windows.stall_seconds.into()),
        created_at: now,
    };
    if !put(tx, &new).await.map_err(failed)? {
        return Ok(0);
    }
    let execution = Execution {
        id: ExecutionId::from_uuid(service.context.new_id()?),
        organisation,
        job,
        configuration: None,
        source,
        wedding: None,
        target,
        execution_type: ExecutionType::Scheduled,
        state: State::Initializing,
        result: None,
        reason: None,
        requested_by: None,
        attempt: 1,
        progress: json!({}),
        figures: json!({}),
        error: None,
        point: None,
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    executions::add(tx, &execution).await.map_err(failed)?;
    let next: Vec<(WeddingId, Timestamp)> =
        due.iter().map(|wedding| (wedding.id, on_grid(&wedding.protection, source, now))).collect();
    weddings::plan(tx, &next).await.map_err(failed)?;
    Ok(ids.len())
}
