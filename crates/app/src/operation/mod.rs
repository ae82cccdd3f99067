//! Recovery operations: restores of weddings that people ask the service for, watch, stop and undo.
//!
//! Asking writes the operation and its job in one transaction, after the second factor and the audit log; the work is done by
//! [`crate::worker`], on any node, through [`crate::recovery`], which also does it without a catalog (safety rule S9). Restores go by the
//! emergency lane of the queue: somebody is waiting for each.

mod cancel;
mod emergency;
mod initiate;
mod list;
mod undo;

pub use cancel::{Cancelled, cancel};
pub use emergency::{Answer, Candidate, Emergency, emergency};
pub use initiate::{Initiate, Which, initiate};
pub use list::{get, list};
pub use undo::undo;

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::weddings::Wedding;
use keepsake_catalog::{
    Role, Tx,
    operations::{self, Operation},
    queue::{Kind, NewJob, enqueue},
};
use keepsake_domain::{
    JobId, OperationId, PointId, Priority, UserId, WeddingId,
    operation::State,
    permission::{Action, Relation},
    restore::{ConflictRule, Mode, Scope},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is restored, and how: `request` of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Which groups; empty for the whole wedding.
    pub groups: Scope,
    /// Where it goes.
    pub target: Destination,
    /// How far live is made equal to the point.
    pub mode: Mode,
    /// What happens to rows that are not this wedding's alone.
    pub conflicts: ConflictRule,
    /// Only the preview is wanted.
    pub validate_only: bool,
    /// The preview that was agreed to: if anything has changed since, nothing is done.
    pub preview_hash: Option<String>,
}

/// Where a restore goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Destination {
    /// The live tables.
    Live,
    /// A schema made for it beside them, which must not be there yet.
    SideSchema(String),
}

/// Longest reason, in characters; the catalog has the same limit.
const REASON_CHARS_MAX: usize = 1000;
/// How often a restore is begun: what was cut off is looked into and, if live is as it was, done once more.
const ATTEMPTS_MAX: u16 = 3;
/// A run without progress for so long is stopped.
const STALL_LIMIT: Duration = Duration::from_secs(900);

/// The operation of that id, for an act on it, with what it is to the caller: what is not there, or not for them, is put on
/// record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: OperationId) -> Result<(Operation, Relation)> {
    let found = operations::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(operation) = found {
        let started = caller.scope.actor.id() == Some(*operation.requested_by.as_uuid());
        let relation = match (started && action == Action::OperationCancel, caller.scope.role) {
            (true, _) => Relation::Started,
            // The catalog shows members those of their own weddings only.
            (false, Role::Member) => Relation::Own,
            (false, _) => caller.relation_to(operation.organisation),
        };
        return Ok((operation, relation));
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no recovery operation of that id"))
}

fn subject(id: OperationId) -> String {
    format!("operation {id}")
}

fn check_reason(reason: &str) -> Result<()> {
    match reason.trim().is_empty() || reason.chars().count() > REASON_CHARS_MAX {
        true => Err(Error::new(Code::Invalid, format!("/reason: say why, in at most {REASON_CHARS_MAX} characters"))),
        false => Ok(()),
    }
}

/// A restore or an undo that is to be put into the queue.
struct New<'a> {
    kind: Kind,
    wedding: &'a Wedding,
    point: PointId,
    undoes: Option<OperationId>,
    request: &'a Request,
    reason: &'a str,
    is_emergency: bool,
}

/// Puts it into the queue, in the caller's transaction. One at a time changes a wedding; previews do not wait for each other.
async fn put(tx: &mut Tx, service: &Service, caller: &Caller, new: New<'_>) -> Result<OperationId> {
    let now = service.context.clock.now();
    let id = OperationId::from_uuid(service.context.new_id()?);
    let job = JobId::from_uuid(service.context.new_id()?);
    let user = caller.scope.actor.id().map(UserId::from_uuid);
    let user = user.ok_or_else(|| Error::new(Code::Forbidden, "a restore is asked for by a person"))?;
    let changes_live = !new.request.validate_only && new.request.target == Destination::Live;
    let job_row = NewJob {
        id: job,
        organisation: new.wedding.organisation,
        kind: new.kind,
        priority: if new.is_emergency { Priority::EMERGENCY } else { Priority::HIGH_PRIORITY_PERIOD }.get().into(),
        emergency: true,
        source: Some(new.wedding.source),
        wedding: Some(new.wedding.id),
        configuration: None,
        payload: serde_json::json!({}),
        dedup_key: changes_live.then(|| turn_key(new.wedding.id)),
        run_after: now,
        start_before: None,
        finish_before: None,
        attempts_max: ATTEMPTS_MAX,
        stall_limit: STALL_LIMIT,
        created_at: now,
    };
    if !enqueue(tx, &job_row).await.map_err(failed)? {
        return Err(Error::new(Code::RestoreBusy, "another restore of this wedding is under way"));
    }
    let operation = Operation {
        id,
        organisation: new.wedding.organisation,
        job: Some(job),
        source: new.wedding.source,
        wedding: Some(new.wedding.id),
        point: new.point,
        undoes: new.undoes,
        state: State::Initializing,
        request: serde_json::json!(new.request),
        reason: new.reason.to_owned(),
        is_emergency: new.is_emergency,
        requested_by: user,
        mfa_at: caller.mfa_at,
        preview: None,
        preview_hash: None,
        proof: None,
        error: None,
        progress: serde_json::json!({}),
        created_at: now,
        started_at: None,
        ended_at: None,
    };
    operations::add(tx, &operation).await.map_err(failed)?;
    Ok(id)
}

/// Restores that change one wedding's live rows have their turn one after the other.
fn turn_key(wedding: WeddingId) -> String {
    format!("restore of wedding {wedding}")
}
