//! One job from its claim to its end.

use super::{
    Limits, backup,
    watch::{Control, Watch, Why},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope, Tx, executions,
    executions::Execution,
    queue::{self, Claimed, Kind, Outcome},
};
use keepsake_domain::{
    ExecutionId, RequestId, Spread,
    backoff::{Backoff, Retry},
    execution::{ExecutionType, State},
};
use keepsake_vault::engine::Phase;
use serde_json::{Value, json};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    task::JoinError,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::task::AbortOnDropHandle;

/// Times that the end of a job is tried to be written down, a second apart: about as long as a lease holds.
const ENDING_TRIES: u32 = 20;

/// Does a job and writes down what came of it, unless the lease is lost: then nothing.
pub(super) async fn run(service: Service, limits: Arc<Limits>, job: Claimed, control: Arc<Control>) {
    if job.kind != Kind::Backup {
        let error =
            json!({"code": Code::Invalid.name(), "detail": format!("no work is known for {} jobs", job.kind.name())});
        let ended = end_alone(&service, &job, &Outcome::Failed(error)).await;
        return log(&job, ended);
    }
    let execution = match begin(&service, &job).await {
        Ok(execution) => execution,
        Err(error) => {
            // Nothing is done yet: the lease runs out, and it is tried again.
            tracing::error!(error = %error.chain(), job = %job.id, "a job could not be begun");
            return;
        }
    };
    tracing::info!(job = %job.id, execution = %execution.id, attempt = job.attempt, "backup begins");
    let context = Context {
        cancel: control.token.clone(),
        progress: Arc::default(),
        actor: "keepsake worker".to_owned(),
        organisation: job.organisation.to_string(),
        ..service.context.clone()
    };
    let result = work(&service, &limits, &job, &execution, &control, context).await;
    let ended = match (result, control.why()) {
        (_, Some(Why::Lost)) => {
            tracing::warn!(job = %job.id, execution = %execution.id, "the lease is lost: nothing is written");
            return;
        }
        (Ok(done), _) => complete(&service, &job, &execution, &done).await,
        (Err(_), Some(Why::GivenBack)) => service.catalog.give_back(&job).await.map(drop).map_err(failed),
        (Err(_), Some(Why::Requested)) => end(&service, &job, &execution, &limits.backoff, End::Cancelled).await,
        (Err(error), why) => {
            let (error, again) = match why {
                Some(Why::Stalled) => {
                    let detail = format!("nothing moved for {} s: the run was stopped", job.stall_limit.as_secs());
                    (json!({"code": "stalled", "detail": detail}), true)
                }
                Some(Why::Late) => {
                    (json!({"code": "window-over", "detail": "the run was stopped when its window was over"}), false)
                }
                _ => (json!({"code": error.code().name(), "detail": error.chain()}), error.code().may_retry()),
            };
            end(&service, &job, &execution, &limits.backoff, End::Failed(error, again)).await
        }
    };
    log(&job, ended);
}

fn log(job: &Claimed, ended: Result<()>) {
    match ended {
        Ok(()) => tracing::info!(job = %job.id, "the job has ended"),
        Err(error) => {
            tracing::error!(error = %error.chain(), job = %job.id, "what came of a job could not be written down")
        }
    }
}

async fn worker_tx(service: &Service, job: &Claimed) -> Result<Tx> {
    let scope = Scope::worker(job.organisation, RequestId::from_uuid(service.context.new_id()?));
    service.catalog.begin(&scope).await.map_err(failed)
}

async fn begin(service: &Service, job: &Claimed) -> Result<Execution> {
    let next = ExecutionId::from_uuid(service.context.new_id()?);
    let mut tx = worker_tx(service, job).await?;
    let execution = executions::begin(&mut tx, job, next, service.context.clock.now()).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(execution)
}

/// The work, under watch.
async fn work(
    service: &Service,
    limits: &Limits,
    job: &Claimed,
    execution: &Execution,
    control: &Control,
    context: Context,
) -> Result<backup::Done> {
    let doing = backup::perform(service.clone(), context.clone(), execution.clone());
    let mut doing = AbortOnDropHandle::new(tokio::spawn(doing));
    let mut beats = interval(limits.heartbeat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch::new();
    let mut told_at: Option<Instant> = None;
    loop {
        tokio::select! {
            done = &mut doing => {
                let broke = |error: JoinError| Error::because(Code::CaptureFailed, "the work broke off: this is a fault of Keepsake", error);
                return done.map_err(broke)?;
            }
            _ = beats.tick() => {
                if let Some(report) = watch.beat(service, limits, job, control, &context).await
                    && let Err(error) = tell(service, job, execution.id, report.phase, &report.progress).await
                {
                    tracing::warn!(error = %error.chain(), job = %job.id, "progress could not be written down");
                }
            }
        }
        if control.is_stopped() {
            let told = *told_at.get_or_insert_with(Instant::now);
            if told.elapsed() >= limits.grace {
                // It hangs in something that cannot be asked: it is dropped where it stands.
                return Err(Error::new(Code::Interrupted, "the work did not stop when it was asked to"));
            }
        }
    }
}

async fn tell(service: &Service, job: &Claimed, id: ExecutionId, phase: Phase, progress: &Value) -> Result<()> {
    let state = match phase {
        Phase::Waiting | Phase::Planning => State::Preparing,
        Phase::Transferring => State::BackingUp,
        Phase::Finishing | Phase::Done => State::Verifying,
    };
    let mut tx = worker_tx(service, job).await?;
    executions::progress(&mut tx, job, id, state, progress, &json!({})).await.map_err(failed)?;
    tx.commit().await.map_err(failed)
}

/// Writes an end down, trying again while the catalog cannot be reached.
async fn persist<F, Fut>(mut once: F) -> Result<()>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), keepsake_catalog::Error>>,
{
    let mut tries = 1;
    loop {
        match once().await {
            Err(keepsake_catalog::Error::Unreachable(error)) if tries < ENDING_TRIES => {
                tracing::warn!(%error, "the catalog cannot be reached: the end of a job waits");
                tries += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            done => return done.map_err(failed),
        }
    }
}

async fn complete(service: &Service, job: &Claimed, execution: &Execution, done: &backup::Done) -> Result<()> {
    let scope = Scope::worker(job.organisation, RequestId::from_uuid(service.context.new_id()?));
    let now = service.context.clock.now();
    persist(|| async {
        let mut tx = service.catalog.begin(&scope).await?;
        queue::finish(&mut tx, job, &Outcome::Done, now).await?;
        backup::record(&mut tx, execution, done, now).await?;
        tx.commit().await
    })
    .await
}

/// How a run ends that made nothing.
enum End {
    Cancelled,
    /// Why, and whether trying again may help.
    Failed(Value, bool),
}

async fn end(service: &Service, job: &Claimed, execution: &Execution, backoff: &Backoff, end: End) -> Result<()> {
    let scope = Scope::worker(job.organisation, RequestId::from_uuid(service.context.new_id()?));
    let next = ExecutionId::from_uuid(service.context.new_id()?);
    let now = service.context.clock.now();
    let (outcome, state, error) = match end {
        End::Cancelled => (Outcome::Cancelled, State::Cancelled, None),
        End::Failed(error, false) => (Outcome::Failed(error.clone()), State::Failed, Some(error)),
        End::Failed(error, true) => (Outcome::Retry(error.clone(), now), State::Failed, Some(error)),
    };
    let (outcome, job) = &schedule(outcome, job, backoff, now);
    persist(|| async {
        let mut tx = service.catalog.begin(&scope).await?;
        let dead = queue::finish(&mut tx, job, outcome, now).await?;
        executions::end(&mut tx, execution.id, state, error.as_ref(), now).await?;
        if matches!(outcome, Outcome::Retry(..)) && !dead {
            // The next attempt is there to be seen, and to be cancelled, while it waits.
            let next = Execution {
                id: next,
                execution_type: ExecutionType::Retry,
                attempt: job.attempt + 1,
                created_at: now,
                ..execution.clone()
            };
            executions::add(&mut tx, &next).await?;
        }
        tx.commit().await
    })
    .await
}

/// When a failed job is tried again; one that was tried often enough by `backoff` has no attempts left.
fn schedule(outcome: Outcome, job: &Claimed, backoff: &Backoff, now: Timestamp) -> (Outcome, Claimed) {
    let Outcome::Retry(error, _) = outcome else { return (outcome, job.clone()) };
    let failed = u32::try_from(job.attempt).unwrap_or(1);
    match backoff.after(failed, Spread::of(job.id.as_uuid())) {
        Retry::After(pause) => (Outcome::Retry(error, now.checked_add(pause).unwrap_or(now)), job.clone()),
        Retry::Dead => (Outcome::Retry(error, now), Claimed { attempts_max: job.attempt, ..job.clone() }),
    }
}

/// Ends a job that has no execution.
async fn end_alone(service: &Service, job: &Claimed, outcome: &Outcome) -> Result<()> {
    let scope = Scope::worker(job.organisation, RequestId::from_uuid(service.context.new_id()?));
    let now = service.context.clock.now();
    persist(|| async {
        let mut tx = service.catalog.begin(&scope).await?;
        queue::finish(&mut tx, job, outcome, now).await?;
        tx.commit().await
    })
    .await
}
