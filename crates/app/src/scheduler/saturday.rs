//! The Saturday protocol (product.md B4): by two days before a wedding there is a backup of it that was read whole, and its restore was
//! rehearsed. What is due is put into the queue; what is overdue is said, until it is done or the weekend is over.

use super::system;
use crate::{
    check,
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
    system_config,
};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use keepsake_catalog::{
    Tx, executions,
    executions::Execution,
    points,
    queue::{Kind, NewJob, enqueue},
    settings,
    weddings::{self, Weekend, weekend_key},
};
use keepsake_domain::{
    ExecutionId, JobId, PointId, Priority, Spread, WeddingId,
    check::Level,
    execution::{ExecutionType, State},
    protection,
    saturday::{Done, Progress, Protocol, Rules},
    wedding::Zone,
};
use serde_json::json;
use std::time::Duration;

/// Weddings looked at in one round.
const LOOKED_AT: u16 = 2000;
const ATTEMPTS_MAX: u16 = 5;
const STALL_LIMIT: Duration = Duration::from_secs(600);

/// Puts what is due into the queue; how many weddings go into their weekend unproven.
pub(super) async fn prepare(service: &Service) -> Result<usize> {
    let now = service.context.clock.now();
    let config = system_config::current(service).await?;
    let (rules, thresholds) = (config.saturday, config.thresholds);
    let today = now.to_zoned(TimeZone::UTC).date();
    let odd = |error| Error::because(Code::HomeFailed, "the clock is out of its range", error);
    // A day more on each side: the venue's day is not ours.
    let from = today.checked_sub(i64::from(rules.weekend_days_after + 2).days()).map_err(odd)?;
    let until = today.checked_add(i64::from(rules.prepare_days_before + 1).days()).map_err(odd)?;
    let mut tx = system(service).await?;
    let mut unproven = 0;
    let weekends = weddings::weekends(&mut tx, from, until, LOOKED_AT).await.map_err(failed)?;
    let ids: Vec<WeddingId> = weekends.iter().map(|weekend| weekend.wedding.id).collect();
    let by_hand = settings::of(&mut tx, &ids).await.map_err(failed)?;
    for weekend in weekends {
        let settings = by_hand.get(&weekend.wedding.id).cloned().unwrap_or_default();
        let zone = protection::zone(&weekend.wedding.facts, &settings, &thresholds);
        let Some(protocol) = protocol(&weekend, zone, &rules, now) else { continue };
        if protocol.alarms() {
            unproven += 1;
            tracing::error!(wedding = %weekend.wedding.id, "a wedding goes into its weekend without a rehearsed backup");
        }
        if weekend.at_work {
            continue;
        }
        let is_wanted = |progress| matches!(progress, Progress::Due | Progress::Overdue);
        if is_wanted(protocol.full_backup.progress) {
            back_up(service, &mut tx, &weekend, now).await?;
        } else if is_wanted(protocol.rehearsal.progress) {
            rehearse(service, &mut tx, &weekend).await?;
        }
    }
    tx.commit().await.map_err(failed)?;
    Ok(unproven)
}

fn protocol(weekend: &Weekend, zone: &Zone, rules: &Rules, now: Timestamp) -> Option<Protocol> {
    let wedding = &weekend.wedding;
    let days = protection::plannable_days(&wedding.facts)?;
    let done = Done {
        full_backup_at: weekend.full_backup_at,
        rehearsed_backup_at: weekend.rehearsed_backup_at,
        known_since: Some(wedding.seen_at),
    };
    Some(Protocol::of(&days, zone, rules, &done, Spread::of(wedding.id.as_uuid()), now))
}

/// A backup of the wedding by itself, stored whether it changed or not. Its check, which reads it whole, follows when it is there.
async fn back_up(service: &Service, tx: &mut Tx, weekend: &Weekend, now: Timestamp) -> Result<()> {
    let wedding = &weekend.wedding;
    // One that was captured in time needs only to be read whole.
    if let Some((point, captured_at)) = weekend.point
        && now.duration_since(captured_at) < jiff::SignedDuration::from_hours(1)
    {
        return look_into(service, tx, weekend, point, Level::ReadAll).await;
    }
    let target = executions::usual_target(tx, wedding.organisation, wedding.source, Some(wedding.id)).await;
    let Some(target) = target.map_err(failed)? else { return Ok(()) };
    let job = NewJob {
        id: JobId::from_uuid(service.context.new_id()?),
        organisation: wedding.organisation,
        kind: Kind::Backup,
        priority: Priority::HIGH_PRIORITY_PERIOD.get().into(),
        emergency: false,
        source: Some(wedding.source),
        wedding: Some(wedding.id),
        configuration: None,
        payload: json!({}),
        dedup_key: Some(weekend_key(wedding.id)),
        run_after: now,
        start_before: None,
        finish_before: None,
        attempts_max: ATTEMPTS_MAX,
        stall_limit: STALL_LIMIT,
        created_at: now,
    };
    if !enqueue(tx, &job).await.map_err(failed)? {
        return Ok(());
    }
    let execution = Execution {
        id: ExecutionId::from_uuid(service.context.new_id()?),
        organisation: wedding.organisation,
        job: job.id,
        configuration: None,
        source: wedding.source,
        wedding: Some(wedding.id),
        target,
        execution_type: ExecutionType::Scheduled,
        state: State::Initializing,
        result: None,
        reason: Some("before the wedding's weekend".to_owned()),
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
    executions::add(tx, &execution).await.map_err(failed)
}

/// The rehearsed restore of the newest clean point, which is read whole on the way.
async fn rehearse(service: &Service, tx: &mut Tx, weekend: &Weekend) -> Result<()> {
    match weekend.point {
        Some((point, _)) => look_into(service, tx, weekend, point, Level::ScratchRestore).await,
        None => Ok(()),
    }
}

async fn look_into(service: &Service, tx: &mut Tx, weekend: &Weekend, point: PointId, level: Level) -> Result<()> {
    let Some(point) = points::get(tx, point).await.map_err(failed)? else { return Ok(()) };
    let wanted = check::Wanted {
        point: &point,
        level,
        priority: Priority::HIGH_PRIORITY_PERIOD,
        requested_by: None,
        dedup_key: Some(weekend_key(weekend.wedding.id)),
    };
    check::put(tx, service, wanted).await.map(drop)
}
