//! One job: begun, watched while it is done, and its end written down.
//!
//! What is common to all work is here: the watch, which reason counts for an end, and trying again while the catalog cannot be
//! reached. What a backup is, is in [`super::backing_up`]; what a restore is, in [`super::restoring`].

use super::{
    Limits, backing_up, checking, restoring,
    watch::{Control, Watch, Why},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope, Tx, executions, operations,
    queue::{self, Claimed, Kind, Outcome},
};
use keepsake_domain::{
    ExecutionId, OperationId, RequestId, Spread,
    backoff::{Backoff, Retry},
    execution,
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

/// A claimed job, and everything to do it with.
pub(super) struct Run {
    pub(super) service: Service,
    pub(super) limits: Arc<Limits>,
    pub(super) job: Claimed,
    pub(super) control: Arc<Control>,
}

/// What progress is told about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told {
    Execution(ExecutionId),
    Operation(OperationId),
    /// Nobody shows it.
    Nobody,
}

/// How a run ended.
pub(super) enum Ended<T> {
    /// The work is done.
    Done(T),
    /// The lease is lost: nothing is written.
    Lost,
    /// It goes back to the queue, untried.
    GivenBack,
    /// Somebody wanted it to stop, and it did.
    Cancelled,
    /// Why, and whether trying again may help.
    Failed(Value, bool),
}

/// Does a job and writes down what came of it, unless the lease is lost: then nothing.
pub(super) async fn run(service: Service, limits: Arc<Limits>, job: Claimed, control: Arc<Control>) {
    let run = Run { service, limits, job, control };
    let ended = match run.job.kind {
        Kind::Backup => Box::pin(backing_up::run(&run)).await,
        Kind::Restore | Kind::Undo => Box::pin(restoring::run(&run)).await,
        Kind::Verify | Kind::Rehearse => Box::pin(checking::run(&run)).await,
        Kind::Sync => run.refuse().await,
    };
    match ended {
        Ok(()) => tracing::info!(job = %run.job.id, "the job has ended"),
        // Where nothing was begun, the lease runs out, and it is tried again.
        Err(error) => tracing::error!(error = %error.chain(), job = %run.job.id, "a job could not be begun or ended"),
    }
}

impl Run {
    pub(super) async fn tx(&self) -> Result<Tx> {
        self.service.catalog.begin(&self.scope()?).await.map_err(failed)
    }

    pub(super) fn scope(&self) -> Result<Scope> {
        let request = RequestId::from_uuid(self.service.context.new_id()?);
        Ok(Scope::worker(self.job.organisation, request))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.service.context.clock.now()
    }

    /// The context of the work itself: it is stopped, and says how far it is, by itself.
    pub(super) fn context(&self) -> Context {
        Context {
            cancel: self.control.token.clone(),
            progress: Arc::default(),
            actor: "keepsake worker".to_owned(),
            organisation: self.job.organisation.to_string(),
            ..self.service.context.clone()
        }
    }

    /// Does the work, under watch.
    pub(super) async fn watched<T: Send + 'static>(
        &self,
        context: &Context,
        told: Told,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut doing = AbortOnDropHandle::new(tokio::spawn(work));
        let mut beats = interval(self.limits.heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = Watch::new();
        let mut asked_at: Option<Instant> = None;
        loop {
            tokio::select! {
                done = &mut doing => {
                    let broke = |error: JoinError| {
                        Error::because(Code::CaptureFailed, "the work broke off: this is a fault of Keepsake", error)
                    };
                    return done.map_err(broke)?;
                }
                _ = beats.tick() => {
                    let report = watch.beat(&self.service, &self.limits, &self.job, &self.control, context).await;
                    if let Some(report) = report
                        && let Err(error) = self.tell(told, report.phase, &report.progress).await
                    {
                        tracing::warn!(error = %error.chain(), job = %self.job.id, "progress could not be written down");
                    }
                }
            }
            if self.control.is_stopped() {
                let asked = *asked_at.get_or_insert_with(Instant::now);
                if asked.elapsed() >= self.limits.grace && self.may_be_dropped(context) {
                    // It hangs in something that cannot be asked: it is dropped where it stands.
                    return Err(Error::new(Code::Interrupted, "the work did not stop when it was asked to"));
                }
            }
        }
    }

    /// A restore that writes or proves rows has its own limits, and what it is about to answer decides how it is told.
    fn may_be_dropped(&self, context: &Context) -> bool {
        let restores = matches!(self.job.kind, Kind::Restore | Kind::Undo);
        !restores || matches!(context.progress.phase(), Phase::Waiting | Phase::Planning)
    }

    async fn tell(&self, told: Told, phase: Phase, progress: &Value) -> Result<()> {
        if matches!(told, Told::Nobody) {
            return Ok(());
        }
        let mut tx = self.tx().await?;
        match told {
            Told::Nobody => {}
            Told::Execution(id) => {
                let state = match phase {
                    Phase::Waiting | Phase::Planning => execution::State::Preparing,
                    Phase::Transferring => execution::State::BackingUp,
                    Phase::Finishing | Phase::Done => execution::State::Verifying,
                };
                executions::progress(&mut tx, &self.job, id, state, progress, &json!({})).await.map_err(failed)?;
            }
            Told::Operation(id) => {
                let proving = matches!(phase, Phase::Finishing | Phase::Done);
                operations::tell(&mut tx, &self.job, id, progress, proving).await.map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    }

    /// Which reason counts.
    pub(super) fn ended<T>(&self, result: Result<T>) -> Ended<T> {
        let error = match (result, self.control.why()) {
            (_, Some(Why::Lost)) => {
                tracing::warn!(job = %self.job.id, "the lease is lost: nothing is written");
                return Ended::Lost;
            }
            (Ok(done), _) => return Ended::Done(done),
            (Err(error), _) if error.code() == Code::RestoreUncertain => error,
            (Err(_), Some(Why::GivenBack)) => return Ended::GivenBack,
            (Err(_), Some(Why::Requested)) => return Ended::Cancelled,
            (Err(_), Some(Why::Stalled)) => {
                let limit = self.job.stall_limit.as_secs();
                let detail = format!("nothing moved for {limit} s: the run was stopped");
                return Ended::Failed(json!({"code": "stalled", "detail": detail}), true);
            }
            (Err(_), Some(Why::Late)) => {
                let detail = "the run was stopped when its window was over";
                return Ended::Failed(json!({"code": "window-over", "detail": detail}), false);
            }
            (Err(error), None) => error,
        };
        let said = json!({"code": error.code().name(), "detail": error.chain()});
        Ended::Failed(said, error.code().may_retry())
    }

    /// What becomes of the job after a failure, and how it is written down: one that was tried often enough by the backoff has no
    /// attempts left.
    pub(super) fn after_failure(&self, error: Value, again: bool) -> (Outcome, Claimed) {
        if !again {
            return (Outcome::Failed(error), self.job.clone());
        }
        let now = self.now();
        match pause(&self.limits.backoff, &self.job) {
            Some(pause) => (Outcome::Retry(error, now.checked_add(pause).unwrap_or(now)), self.job.clone()),
            None => (Outcome::Retry(error, now), Claimed { attempts_max: self.job.attempt, ..self.job.clone() }),
        }
    }

    pub(super) async fn give_back(&self) -> Result<()> {
        self.service.catalog.give_back(&self.job).await.map(drop).map_err(failed)
    }

    /// Nobody asks for such a job yet.
    async fn refuse(&self) -> Result<()> {
        let detail = format!("no work is known for {} jobs", self.job.kind.name());
        let outcome = Outcome::Failed(json!({"code": Code::Invalid.name(), "detail": detail}));
        let (scope, now) = (self.scope()?, self.now());
        persist(|| async {
            let mut tx = self.service.catalog.begin(&scope).await?;
            queue::finish(&mut tx, &self.job, &outcome, now).await?;
            tx.commit().await
        })
        .await
    }
}

fn pause(backoff: &Backoff, job: &Claimed) -> Option<jiff::SignedDuration> {
    let tried = u32::try_from(job.attempt).unwrap_or(1);
    match backoff.after(tried, Spread::of(job.id.as_uuid())) {
        Retry::After(pause) => Some(pause),
        Retry::Dead => None,
    }
}

/// Writes an end down, trying again while the catalog cannot be reached.
pub(super) async fn persist<F, Fut>(mut once: F) -> Result<()>
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
