//! The doing part of the service: the loop of one node that takes jobs from the queue and does them.
//!
//! Jobs are claimed, emergencies first: they have slots of their own, and beyond these take an ordinary slot, for which the
//! least urgent ordinary run is given back. Each job runs in a task that can be stopped by itself (on request, when its lease is lost,
//! when it stands still, when its window is over, when an emergency needs its place or the process stops). A worker that
//! lost its lease writes nothing. No transaction is open while a job's work is done.
//!
//! What a job does is in `backing_up` and `restoring`; what is asked for is in [`crate::execution`] and [`crate::operation`].

mod backing_up;
mod backup;
mod checking;
pub(crate) mod pass;
mod place;
mod restoring;
mod run;
mod watch;

use crate::{
    error::Result,
    notification::{self, Event, told_code},
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    Catalog, Scope, checks, executions, operations,
    queue::{Claimed, Lane},
};
use keepsake_domain::{
    RequestId, Spread,
    backoff::{Backoff, Retry},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::{Id, JoinSet},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use watch::{Control, Why};

pub use keepsake_catalog::queue;

/// How much a node does at once, and its patience.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Over all nodes.
    pub queue: queue::Limits,
    /// Ordinary jobs of this node.
    pub ordinary_slots: u16,
    /// Slots that only emergencies use.
    pub emergency_slots: u16,
    /// For how long a job is this worker's after each heartbeat.
    pub lease: Duration,
    /// From one heartbeat, and one report of progress, to the next.
    pub heartbeat: Duration,
    /// How often the queue is looked at without being told.
    pub poll: Duration,
    /// How long work that was told to stop may take to do so; then it is dropped where it stands. With a heartbeat it stays within
    /// the five seconds in which a cancellation must be done.
    pub grace: Duration,
    /// When failed jobs are tried again.
    pub backoff: Backoff,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue: queue::Limits::default(),
            ordinary_slots: 50,
            emergency_slots: 4,
            lease: Duration::from_secs(30),
            heartbeat: Duration::from_secs(1),
            poll: Duration::from_secs(5),
            grace: Duration::from_secs(3),
            backoff: Backoff::default(),
        }
    }
}

/// One node's worker.
#[derive(Debug)]
pub struct Worker {
    service: Service,
    limits: Arc<Limits>,
    running: HashMap<Id, Running>,
    tasks: JoinSet<()>,
}

/// A job at work.
#[derive(Debug)]
struct Running {
    emergency: bool,
    priority: i16,
    since: Instant,
    control: Arc<Control>,
}

impl Worker {
    /// Works until `shutdown` fires, then gives back what is under way and returns once that has stopped. Dropped before, it
    /// leaves its jobs to others, who take them when their leases have run out.
    pub async fn run(service: Service, limits: Limits, shutdown: CancellationToken) {
        let wake = Arc::new(Notify::new());
        let listening = listen(service.catalog.clone(), limits.poll, Arc::clone(&wake));
        let _listening = AbortOnDropHandle::new(tokio::spawn(listening));
        let limits = Arc::new(limits);
        let mut worker = Self { service, limits, running: HashMap::new(), tasks: JoinSet::new() };
        let mut reap_at = Instant::now();
        while !shutdown.is_cancelled() {
            if Instant::now() >= reap_at {
                if let Err(error) = worker.reap().await {
                    tracing::warn!(error = %error.chain(), "jobs of dead workers could not be taken back");
                }
                reap_at = Instant::now() + worker.limits.lease / 3;
            }
            if let Err(error) = worker.claim().await {
                tracing::warn!(error = %error.chain(), "no jobs could be claimed");
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = worker.tasks.join_next_with_id(), if !worker.tasks.is_empty() => worker.forget(ended),
                () = wake.notified() => {}
                () = tokio::time::sleep_until(reap_at) => {}
            }
        }
        for running in worker.running.values() {
            running.control.stop(Why::GivenBack);
        }
        while let Some(ended) = worker.tasks.join_next_with_id().await {
            worker.forget(ended);
        }
    }

    /// Takes back the jobs of workers that died, and ends what those left open that will not be tried again.
    async fn reap(&self) -> Result<()> {
        let process = self.service.catalog.process();
        let pause = match self.limits.backoff.after(1, Spread::of(process.as_uuid())) {
            Retry::After(pause) => pause.unsigned_abs(),
            Retry::Dead => Duration::ZERO,
        };
        for job in self.service.catalog.reap(pause).await.map_err(failed)? {
            tracing::warn!(job = %job.id, organisation = %job.organisation, dead = job.dead, "a worker died on this job");
        }
        let scope = Scope::system(RequestId::from_uuid(self.service.context.new_id()?));
        let mut tx = self.service.catalog.begin(&scope).await.map_err(failed)?;
        let now = self.service.context.clock.now();
        for (id, is_emergency) in executions::settle(&mut tx, now).await.map_err(failed)? {
            if let Some(execution) = executions::get(&mut tx, id).await.map_err(failed)? {
                let code = told_code(execution.error.as_ref());
                let event = Event::BackupFailed { execution: &execution, is_emergency, code };
                notification::enqueue(&mut tx, &event, now).await.map_err(failed)?;
            }
        }
        for id in operations::settle(&mut tx, now).await.map_err(failed)? {
            let operation = operations::get(&mut tx, id).await.map_err(failed)?;
            if let Some(operation) = operation.filter(restoring::changes_something) {
                let code = told_code(operation.error.as_ref());
                let event = Event::RestoreFailed { operation: &operation, code };
                notification::enqueue(&mut tx, &event, now).await.map_err(failed)?;
            }
        }
        checks::settle(&mut tx, now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    /// Fills the slots.
    async fn claim(&mut self) -> Result<()> {
        let (ordinary, reserved) = (usize::from(self.limits.ordinary_slots), usize::from(self.limits.emergency_slots));
        while self.fill(Lane::Emergency, (ordinary + reserved).saturating_sub(self.count(true))).await? {}
        // Emergencies beyond the reserved slots use ordinary ones.
        let left = ordinary.saturating_sub(self.count(true).saturating_sub(reserved));
        self.make_room(left);
        while self.fill(Lane::Ordinary, left.saturating_sub(self.count(false))).await? {}
        Ok(())
    }

    fn count(&self, emergency: bool) -> usize {
        self.running.values().filter(|running| running.emergency == emergency).count()
    }

    /// Begins up to `slots` jobs of a lane; whether there were any.
    async fn fill(&mut self, lane: Lane, slots: usize) -> Result<bool> {
        let slots = u16::try_from(slots).unwrap_or(u16::MAX);
        if slots == 0 {
            return Ok(false);
        }
        let claimed = self.service.catalog.claim(lane, slots, self.limits.queue, self.limits.lease).await;
        let claimed = claimed.map_err(failed)?;
        let any = !claimed.is_empty();
        for job in claimed {
            self.begin(job);
        }
        Ok(any)
    }

    fn begin(&mut self, job: Claimed) {
        let control = Arc::new(Control::default());
        let (emergency, priority) = (job.emergency, job.priority);
        let work = run::run(self.service.clone(), Arc::clone(&self.limits), job, Arc::clone(&control));
        let task = self.tasks.spawn(work).id();
        self.running.insert(task, Running { emergency, priority, since: Instant::now(), control });
    }

    /// Gives back the least urgent ordinary runs until no more than `left` go on; of equally urgent ones, the youngest.
    fn make_room(&self, left: usize) {
        let mut ordinary: Vec<&Running> = self.running.values().filter(|run| !run.emergency).collect();
        ordinary.retain(|running| !running.control.is_stopped());
        ordinary.sort_by_key(|running| (running.priority, std::cmp::Reverse(running.since)));
        for running in ordinary.iter().take(ordinary.len().saturating_sub(left)) {
            running.control.stop(Why::GivenBack);
        }
    }

    fn forget(&mut self, ended: std::result::Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                // Its lease runs out, and another takes it.
                tracing::error!(%error, "a job's task broke");
                error.id()
            }
        };
        self.running.remove(&id);
    }
}

/// Wakes the loop when the catalog says that there is work, and every now and then in case that was missed.
async fn listen(catalog: Catalog, poll: Duration, wake: Arc<Notify>) {
    loop {
        match catalog.wakeups().await {
            Ok(mut wakeups) => loop {
                wakeups.next(poll).await;
                wake.notify_one();
            },
            Err(error) => {
                tracing::warn!(%error, "the catalog's notices cannot be listened to");
                tokio::time::sleep(poll).await;
                wake.notify_one();
            }
        }
    }
}
