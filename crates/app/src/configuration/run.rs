//! A run of a configuration is put into the queue: a job and its first execution.

use super::spread;
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::{
    Tx,
    configurations::{self, Configuration},
    executions::{self, Execution},
    queue::{Kind, NewJob, enqueue},
};
use keepsake_domain::{
    Criticality, ExecutionId, JobId, Phase, Priority, WeddingId,
    backoff::Backoff,
    configuration::{BackupType, Scope},
    execution::{ExecutionType, State},
};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// A run that is wanted.
pub(crate) struct Wanted<'a> {
    /// Of which.
    pub configuration: &'a Configuration,
    /// Why.
    pub execution_type: ExecutionType,
    /// Why, in words.
    pub reason: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits in the queue.
    Queued(ExecutionId),
    /// A run of it is under way already, and this is it.
    Joined(ExecutionId),
    /// No wedding is in it now.
    Nothing,
}

/// Puts a run into the queue, in the caller's transaction.
pub(crate) async fn put(service: &Service, tx: &mut Tx, wanted: Wanted<'_>) -> Result<Put> {
    let Wanted { configuration, execution_type, reason, requested_by } = wanted;
    let document = &configuration.document;
    let (covered, urgent) = configurations::covered(tx, configuration).await.map_err(failed)?;
    if document.scope.is_weddings() && covered.weddings == 0 {
        return Ok(Put::Nothing);
    }
    let target = document.storage_targets.first().map(|target| target.target_id);
    let target = target.ok_or_else(|| Error::new(Code::Invalid, "the configuration names no storage target"))?;
    let emergency = execution_type == ExecutionType::Emergency;
    let now = service.context.clock.now();
    let windows = document.windows(spread(configuration.id), now);
    let job = JobId::from_uuid(service.context.new_id()?);
    let key = match emergency {
        true => format!("emergency {}", configurations::run_key(configuration.id)),
        false => configurations::run_key(configuration.id),
    };
    let by_itself = execution_type == ExecutionType::Scheduled;
    let start = i64::from(windows.start_within_seconds);
    let both = start + i64::from(windows.complete_within_seconds);
    let wedding = wedding(&document.scope);
    let new = NewJob {
        id: job,
        organisation: configuration.organisation,
        kind: Kind::Backup,
        priority: if emergency { Priority::EMERGENCY } else { priority(configuration, urgent) }.get().into(),
        emergency,
        source: Some(document.source_id),
        wedding,
        configuration: Some(configuration.id),
        payload: json!({}),
        dedup_key: Some(key.clone()),
        run_after: now,
        // What a person asked for waits as long as it must.
        start_before: if by_itself { after(now, start) } else { None },
        finish_before: if by_itself { after(now, both) } else { None },
        attempts_max: Backoff::default().most_attempts.try_into().unwrap_or(u16::MAX),
        stall_limit: Duration::from_secs(windows.stall_seconds.into()),
        created_at: now,
    };
    if !enqueue(tx, &new).await.map_err(failed)? {
        let open = executions::open_with_key(tx, configuration.organisation, &key).await.map_err(failed)?;
        let ended = || Error::new(Code::CatalogFailed, "another run of it ended just now: ask again");
        return open.map(Put::Joined).ok_or_else(ended);
    }
    let execution = Execution {
        id: ExecutionId::from_uuid(service.context.new_id()?),
        organisation: configuration.organisation,
        job,
        configuration: Some(configuration.id),
        source: document.source_id,
        wedding,
        target,
        execution_type,
        state: State::Initializing,
        result: None,
        reason,
        requested_by,
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
    Ok(Put::Queued(execution.id))
}

/// How a run that somebody asks for counts.
pub(crate) fn asked_type(configuration: &Configuration, emergency: bool) -> ExecutionType {
    match emergency || configuration.document.backup_type == BackupType::Emergency {
        true => ExecutionType::Emergency,
        false => ExecutionType::Manual,
    }
}

const fn wedding(scope: &Scope) -> Option<WeddingId> {
    match scope {
        Scope::Wedding { wedding_id } => Some(*wedding_id),
        _ => None,
    }
}

/// As urgent as the most urgent of its weddings; a whole source as a wedding without a date. What is marked as critical is at least
/// as urgent as a critical wedding.
fn priority(configuration: &Configuration, urgent: Option<Priority>) -> Priority {
    let usual = urgent.unwrap_or(Priority::scheduled(Criticality::Medium, Phase::Undated));
    match configuration.document.is_wedding_critical {
        true => usual.max(Priority::scheduled(Criticality::Critical, Phase::Before)),
        false => usual,
    }
}

fn after(now: Timestamp, seconds: i64) -> Option<Timestamp> {
    now.checked_add(SignedDuration::from_secs(seconds)).ok()
}
