//! Asking for a check, and looking at it.

use crate::{
    error::{Code, Error, Result},
    recovery_point,
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Role, Tx,
    checks::{self, Check},
    points::Point,
    queue::{Kind, NewJob, enqueue},
};
use keepsake_domain::{
    CheckId, JobId, Phase, PointId, Priority,
    check::{Level, State},
    permission::{Action, Relation},
};
use std::time::Duration;
use uuid::Uuid;

/// How often a check is tried that cannot be made.
const ATTEMPTS_MAX: u16 = 3;
/// A run without progress for so long is stopped.
const STALL_LIMIT: Duration = Duration::from_secs(1800);

/// Starts a check of a point. It waits in the queue when this returns.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Invalid`] for a rehearsal of what is no wedding.
pub async fn start(service: &Service, caller: &Caller, point: PointId, level: Level) -> Result<CheckId> {
    let action = match level {
        Level::ScratchRestore => Action::PointRehearse,
        Level::Manifest | Level::Hashes | Level::ReadAll => Action::PointValidate,
    };
    let (found, relation) = recovery_point::find(service, caller, action, point).await?;
    let owner = Some(found.organisation);
    let work = async {
        if level == Level::ScratchRestore && found.wedding.is_none() {
            return Err(Error::new(Code::Invalid, "/recovery_point_id: only points of weddings can be rehearsed"));
        }
        let mut tx = service.begin(caller).await?;
        let wanted = Wanted {
            point: &found,
            level,
            priority: Priority::scheduled(found.retention_class, Phase::Before),
            requested_by: caller.scope.actor.id(),
            dedup_key: None,
        };
        let id = put(&mut tx, service, wanted).await?;
        tx.commit().await.map_err(failed)?;
        id.ok_or_else(|| Error::new(Code::Exists, "the same check is under way"))
    };
    service.act(caller, action, relation, &format!("point {point}"), owner, work).await
}

/// A check to be put into the queue.
pub(crate) struct Wanted<'a> {
    pub(crate) point: &'a Point,
    pub(crate) level: Level,
    pub(crate) priority: Priority,
    pub(crate) requested_by: Option<Uuid>,
    pub(crate) dedup_key: Option<String>,
}

/// Puts a check into the queue, in the caller's transaction. `None`: the same waits or runs already.
pub(crate) async fn put(tx: &mut Tx, service: &Service, wanted: Wanted<'_>) -> Result<Option<CheckId>> {
    let Wanted { point, level, priority, requested_by, dedup_key } = wanted;
    let now = service.context.clock.now();
    let job = NewJob {
        id: JobId::from_uuid(service.context.new_id()?),
        organisation: point.organisation,
        kind: if level == Level::ScratchRestore { Kind::Rehearse } else { Kind::Verify },
        priority: priority.get().into(),
        emergency: false,
        // It does not go near the source.
        source: None,
        wedding: point.wedding,
        configuration: None,
        payload: serde_json::json!({}),
        dedup_key,
        run_after: now,
        start_before: None,
        finish_before: None,
        attempts_max: ATTEMPTS_MAX,
        stall_limit: STALL_LIMIT,
        created_at: now,
    };
    if !enqueue(tx, &job).await.map_err(failed)? {
        return Ok(None);
    }
    let check = Check {
        id: CheckId::from_uuid(service.context.new_id()?),
        organisation: point.organisation,
        job: job.id,
        point: point.id,
        source: point.source,
        wedding: point.wedding,
        level,
        state: State::Initializing,
        passed: None,
        findings: serde_json::json!([]),
        figures: serde_json::json!({}),
        error: None,
        requested_by,
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    checks::add(tx, &check).await.map_err(failed)?;
    Ok(Some(check.id))
}

/// One check.
///
/// # Errors
/// [`Code::NotFound`]; else by cause.
pub async fn get(service: &Service, caller: &Caller, id: CheckId) -> Result<Check> {
    let found = checks::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    let subject = format!("check {id}");
    let Some(check) = found else {
        service.allow(caller, Action::PointRead, Relation::Foreign, &subject, None).await?;
        return Err(Error::new(Code::NotFound, "there is no check of that id"));
    };
    // The catalog shows members those of their own weddings only.
    let own = caller.scope.role == Role::Member;
    let relation = if own { Relation::Own } else { caller.relation_to(check.organisation) };
    service.allow(caller, Action::PointRead, relation, &subject, Some(check.organisation)).await?;
    Ok(check)
}
