//! Asking for a backup now.

use crate::{
    configuration::{self, Put, Wanted},
    error::{Code, Error, Result},
    notification::{self, Event},
    service::{Caller, Service, catalog::failed},
    source, wedding,
};
use keepsake_catalog::{
    configurations,
    executions::{self, Execution},
    queue::{Kind, NewJob, enqueue},
    sources, targets,
};
use keepsake_domain::{
    ConfigurationId, Criticality, ExecutionId, JobId, OrganisationId, Phase, Priority, SourceId, TargetId, WeddingId,
    backoff::Backoff,
    execution::{ExecutionType, State},
    permission::Action,
};
use std::time::Duration;

/// What is to be backed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// One wedding.
    Wedding(WeddingId),
    /// A whole database.
    Source(SourceId),
    /// What a configuration says, to where it says.
    Configuration(ConfigurationId),
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What.
    pub what: What,
    /// Where to; where its points are, or the first of the targets, if nobody says.
    pub target: Option<TargetId>,
    /// Before everything else.
    pub emergency: bool,
    /// Why.
    pub reason: Option<String>,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The execution to watch.
    pub execution: ExecutionId,
    /// An emergency backup of the same, or a run of the same configuration, was under way already, and this is it.
    pub joined: bool,
}

/// Longest reason, in characters; the catalog has the same limit.
const REASON_CHARS_MAX: usize = 1000;
/// A run without progress for so long is stopped.
const STALL_LIMIT: Duration = Duration::from_secs(600);

/// Starts a backup. It waits in the queue when this returns.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Invalid`] for a source that is no database, a reason that is too long, or if there
/// is no storage target.
pub async fn start(service: &Service, caller: &Caller, asked: &Asked) -> Result<Started> {
    let (action, relation, subject, thing) = match asked.what {
        What::Wedding(id) => {
            let (found, relation) = wedding::find(service, caller, Action::WeddingBackup, id).await?;
            let thing = Thing {
                organisation: found.organisation,
                source: found.source,
                wedding: Some(id),
                priority: found.protection.priority,
            };
            (Action::WeddingBackup, relation, wedding::subject(id), thing)
        }
        What::Source(id) => {
            let found = source::find(service, caller, Action::SourceBackup, id).await?;
            let relation = caller.relation_to(found.organisation);
            // A database has no day of its own: it is as urgent as a wedding without one.
            let priority = Priority::scheduled(Criticality::Medium, Phase::Undated);
            let thing = Thing { organisation: found.organisation, source: id, wedding: None, priority };
            (Action::SourceBackup, relation, source::subject(id), thing)
        }
        What::Configuration(id) => return configured(service, caller, asked, id).await,
    };
    let owner = Some(thing.organisation);
    service.act(caller, action, relation, &subject, owner, put(service, caller, asked, thing)).await
}

async fn configured(service: &Service, caller: &Caller, asked: &Asked, id: ConfigurationId) -> Result<Started> {
    let found = configuration::find(service, caller, Action::ConfigurationBackup, id).await?;
    let (relation, owner) = (caller.relation_to(found.organisation), Some(found.organisation));
    let work = async {
        check_reason(asked)?;
        if asked.target.is_some() {
            return Err(Error::new(Code::Invalid, "/target_id: a configuration says itself where to: leave it out"));
        }
        let mut tx = service.begin(caller).await?;
        let gone = || Error::new(Code::NotFound, "there is no configuration of that id");
        let found = configurations::lock(&mut tx, id).await.map_err(failed)?.ok_or_else(gone)?;
        if found.deleted_at.is_some() {
            return Err(gone());
        }
        let wanted = Wanted {
            execution_type: configuration::asked_type(&found, asked.emergency),
            configuration: &found,
            reason: asked.reason.clone(),
            requested_by: caller.scope.actor.id(),
        };
        let (execution, joined) = match configuration::put(service, &mut tx, wanted).await? {
            Put::Queued(execution) => (execution, false),
            Put::Joined(execution) => (execution, true),
            Put::Nothing => {
                return Err(Error::new(Code::Invalid, "/configuration_id: no wedding is in its scope now"));
            }
        };
        tx.commit().await.map_err(failed)?;
        Ok(Started { execution, joined })
    };
    service.act(caller, Action::ConfigurationBackup, relation, &configuration::subject(id), owner, work).await
}

fn check_reason(asked: &Asked) -> Result<()> {
    if asked.reason.as_ref().is_some_and(|reason| reason.chars().count() > REASON_CHARS_MAX) {
        return Err(Error::new(Code::Invalid, format!("/reason: use at most {REASON_CHARS_MAX} characters")));
    }
    Ok(())
}

/// What is backed up, and whose it is.
struct Thing {
    organisation: OrganisationId,
    source: SourceId,
    wedding: Option<WeddingId>,
    priority: Priority,
}

async fn put(service: &Service, caller: &Caller, asked: &Asked, thing: Thing) -> Result<Started> {
    check_reason(asked)?;
    let mut tx = service.begin(caller).await?;
    if thing.wedding.is_none() {
        let found = sources::get(&mut tx, thing.source).await.map_err(failed)?;
        if found.is_none_or(|source| source.kind != sources::Kind::Database) {
            return Err(Error::new(Code::Invalid, "only databases and weddings can be backed up on demand"));
        }
    }
    let target = match asked.target {
        Some(id) => targets::get(&mut tx, id).await.map_err(failed)?.map(|target| target.id),
        None => {
            executions::usual_target(&mut tx, thing.organisation, thing.source, thing.wedding).await.map_err(failed)?
        }
    };
    let target = target.ok_or_else(|| match asked.target {
        Some(_) => Error::new(Code::NotFound, "there is no storage target of that id"),
        None => Error::new(Code::Invalid, "there is no storage target to back up to: set one up first"),
    })?;
    let now = service.context.clock.now();
    let id = ExecutionId::from_uuid(service.context.new_id()?);
    let job = JobId::from_uuid(service.context.new_id()?);
    let dedup_key = asked.emergency.then(|| match thing.wedding {
        Some(wedding) => format!("emergency backup of wedding {wedding}"),
        None => format!("emergency backup of source {}", thing.source),
    });
    let priority = if asked.emergency { Priority::EMERGENCY } else { thing.priority };
    let new = NewJob {
        id: job,
        organisation: thing.organisation,
        kind: Kind::Backup,
        priority: priority.get().into(),
        emergency: asked.emergency,
        source: Some(thing.source),
        wedding: thing.wedding,
        configuration: None,
        payload: serde_json::json!({}),
        dedup_key: dedup_key.clone(),
        run_after: now,
        start_before: None,
        finish_before: None,
        attempts_max: Backoff::default().most_attempts.try_into().unwrap_or(u16::MAX),
        stall_limit: STALL_LIMIT,
        created_at: now,
    };
    if !enqueue(&mut tx, &new).await.map_err(failed)? {
        let key = dedup_key.unwrap_or_default();
        let open = executions::open_with_key(&mut tx, thing.organisation, &key).await.map_err(failed)?;
        return match open {
            Some(execution) => Ok(Started { execution, joined: true }),
            // It ended in between.
            None => Err(Error::new(Code::CatalogFailed, "another backup of the same ended just now: ask again")),
        };
    }
    let execution = Execution {
        id,
        organisation: thing.organisation,
        job,
        configuration: None,
        source: thing.source,
        wedding: thing.wedding,
        target,
        execution_type: if asked.emergency { ExecutionType::Emergency } else { ExecutionType::Manual },
        state: State::Initializing,
        result: None,
        reason: asked.reason.clone(),
        requested_by: caller.scope.actor.id(),
        attempt: 1,
        progress: serde_json::json!({}),
        figures: serde_json::json!({}),
        error: None,
        point: None,
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    executions::add(&mut tx, &execution).await.map_err(failed)?;
    if asked.emergency {
        notification::enqueue(&mut tx, &Event::EmergencyStarted(&execution), now).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(Started { execution: id, joined: false })
}
