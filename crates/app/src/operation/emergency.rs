//! The restore of one call, for whoever stands beside the bride on a Saturday: the newest clean point, without a preview, with the
//! present state saved first, so that it can be undone.

use super::{
    Destination, New, Request, check_reason,
    initiate::{Which, choose},
    put,
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
    wedding,
};
use jiff::{SignedDuration, Timestamp};
use keepsake_catalog::{
    Tx, operations,
    points::{self, Filter, Point},
    queue::Kind,
};
use keepsake_domain::{
    OperationId, PointId, UserId, WeddingId,
    permission::Action,
    point::{self, Judgement, Listed},
    restore::{ConflictRule, Mode, Scope},
    suspect::{Choice, for_emergency},
};
use std::collections::HashMap;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// The wedding.
    pub wedding: WeddingId,
    /// From this point, or from the newest clean one of a time; the newest clean one of all if `None`.
    pub which: Option<Which>,
    /// Which groups; empty for the whole wedding.
    pub groups: Scope,
    /// How far live is made equal to the point.
    pub mode: Mode,
    /// Why.
    pub reason: String,
}

/// A point that might be meant.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The point.
    pub point: Point,
    /// It is the newest clean one.
    pub is_last_clean: bool,
}

/// What comes of asking.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is under way.
    Started(OperationId),
    /// There are points that look like damage and are newer than the last clean one: which of these is meant? Newest first, and nothing
    /// is done.
    Choose(Vec<Candidate>),
}

/// Accepted calls of one user for one wedding (safety rule S33).
const CALLS_MAX: u32 = 2;
/// In this time.
const CALLS_WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// Points that are looked at, and shown at most.
const LOOKED_AT: u16 = 100;

/// Starts an emergency restore into live. It waits in the queue's emergency lane when this returns.
///
/// # Errors
/// As [`initiate`](super::initiate); [`Code::EmergencyLimit`] after two accepted calls in an hour.
pub async fn emergency(service: &Service, caller: &Caller, asked: &Emergency) -> Result<Answer> {
    let (found, relation) = wedding::find(service, caller, Action::EmergencyRestore, asked.wedding).await?;
    let owner = Some(found.organisation);
    let work = async {
        check_reason(&asked.reason)?;
        let mut tx = service.begin(caller).await?;
        check_rate(&mut tx, caller, asked.wedding, service.context.clock.now()).await?;
        let point = match asked.which {
            Some(which) => choose(&mut tx, asked.wedding, which).await?.id,
            None => match newest(&mut tx, asked.wedding).await? {
                Ok(point) => point,
                Err(candidates) => return Ok(Answer::Choose(candidates)),
            },
        };
        let request = Request {
            groups: asked.groups.clone(),
            target: Destination::Live,
            mode: asked.mode,
            conflicts: ConflictRule::Leave,
            validate_only: false,
            preview_hash: None,
        };
        let new = New {
            kind: Kind::Restore,
            wedding: &found,
            point,
            undoes: None,
            request: &request,
            reason: &asked.reason,
            is_emergency: true,
        };
        let id = put(&mut tx, service, caller, new).await?;
        tx.commit().await.map_err(failed)?;
        Ok(Answer::Started(id))
    };
    service.act(caller, Action::EmergencyRestore, relation, &wedding::subject(asked.wedding), owner, work).await
}

async fn check_rate(tx: &mut Tx, caller: &Caller, wedding: WeddingId, now: Timestamp) -> Result<()> {
    let Some(user) = caller.scope.actor.id().map(UserId::from_uuid) else { return Ok(()) };
    let since = now.saturating_sub(CALLS_WITHIN).unwrap_or(Timestamp::MIN);
    let (count, first) = operations::emergencies_since(tx, user, wedding, since).await.map_err(failed)?;
    if count < CALLS_MAX {
        return Ok(());
    }
    let next = first.map_or_else(String::new, |first| {
        let at = first.saturating_add(CALLS_WITHIN).unwrap_or(Timestamp::MAX);
        format!("; the next may come at {at:.0}")
    });
    let message = format!("{CALLS_MAX} emergency restores of this wedding were accepted from you within an hour{next}");
    Err(Error::new(Code::EmergencyLimit, message))
}

/// The newest point, if it is clean; else those to choose from.
async fn newest(tx: &mut Tx, wedding: WeddingId) -> Result<Result<PointId, Vec<Candidate>>> {
    let filter = Filter { wedding: Some(wedding), kind: Some(point::Kind::Wedding), ..Filter::default() };
    let mut all = points::list(tx, filter, LOOKED_AT, None).await.map_err(failed)?.items;
    let is_listed = |clean: &Point| all.iter().any(|point| point.id == clean.id);
    // Behind a long row of damaged ones.
    if let Some(clean) = points::last_clean(tx, wedding).await.map_err(failed)?.filter(|clean| !is_listed(clean)) {
        all.push(clean);
    }
    let listed: Vec<Listed> = all.iter().map(listed).collect();
    match for_emergency(&listed) {
        Choice::Take(point) => Ok(Ok(point)),
        Choice::Nothing => Err(Error::new(Code::PointNotFound, "the wedding has no recovery point")),
        Choice::Ask { clean, newer } => {
            let mut by_id: HashMap<PointId, Point> = all.into_iter().map(|point| (point.id, point)).collect();
            let ids = newer.into_iter().chain(clean);
            let candidates =
                ids.filter_map(|id| Some(Candidate { point: by_id.remove(&id)?, is_last_clean: clean == Some(id) }));
            Ok(Err(candidates.collect()))
        }
    }
}

fn listed(point: &Point) -> Listed {
    Listed {
        id: point.id,
        captured_at: point.captured_at,
        kind: point.kind,
        incomplete: point.incomplete,
        verified: point.verified_at.is_some(),
        judgement: if point.suspect.is_empty() { Judgement::Clean } else { Judgement::Suspect },
    }
}
