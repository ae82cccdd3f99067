//! A restore or an undo: one recovery operation, from where it stands to its end.
//!
//! A worker that takes over what another left in the middle looks first at what that did to live ([`recovery::aftermath`]): if live is
//! as it was, the operation is done from the beginning; if the rows came, it is completed; if nobody can tell, it fails and
//! says so, and an undo is still there.

use super::{
    place::Place,
    run::{Ended, Run, Told, persist},
};
use crate::{
    backup::Backed,
    context::Context,
    error::{Code, Error, Result},
    notification::{self, Event, told_code},
    operation::{Destination, Request},
    points::{self as vault_points, Wanted},
    recovery::{self, Aftermath, Asked, Prepared, Restored},
    service::{Service, catalog::failed},
    source::{self, CredentialPurpose},
    storage::Storage,
    target,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope, Tx,
    operations::{self, Operation, Step},
    points::{self, Point},
    queue::{self, Claimed, Outcome},
};
use keepsake_domain::{
    Frequency, PointId, RequestId,
    execution::ExecutionType,
    operation::State,
    point::Kind,
    retention::{Grade, Policy, Promise, Taken},
};
use keepsake_postgres::connect::Dsn;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// What an operation came to.
struct Done {
    /// The point that was restored.
    point: Point,
    what: What,
}

enum What {
    /// The preview is there, and nothing else was wanted.
    Previewed,
    /// Live is restored now.
    Restored(Box<Restored>),
    /// Live had been restored when the worker was lost that did it; the states that it saved before.
    FoundRestored(Vec<Saved>),
}

/// A state saved before a restore.
#[derive(Clone, Copy)]
struct Saved {
    id: PointId,
    time: Timestamp,
    raw_bytes: u64,
    stored_bytes: u64,
    proven: bool,
}

/// Does the operation and writes down what came of it.
pub(super) async fn run(run: &Run) -> Result<()> {
    let operation = begin(run).await?;
    tracing::info!(job = %run.job.id, operation = %operation.id, state = %operation.state, "recovery operation begins");
    let context = run.context();
    let work = Work {
        service: run.service.clone(),
        context: context.clone(),
        job: run.job.clone(),
        operation: operation.clone(),
    };
    let result = run.watched(&context, Told::Operation(operation.id), work.perform()).await;
    match run.ended(result) {
        Ended::Done(done) => complete(run, &operation, &done).await,
        Ended::Lost => Ok(()),
        Ended::GivenBack => run.give_back().await,
        Ended::Cancelled => end(run, &operation, (&Outcome::Cancelled, &run.job), State::Cancelled, None).await,
        Ended::Failed(error, again) => {
            let (outcome, job) = run.after_failure(error.clone(), again);
            end(run, &operation, (&outcome, &job), State::Failed, Some(&error)).await
        }
    }
}

async fn begin(run: &Run) -> Result<Operation> {
    let mut tx = run.tx().await?;
    let mut operation = operations::of_job(&mut tx, run.job.id).await.map_err(failed)?;
    if operation.state == State::Initializing {
        operation.state = State::Preparing;
        let step = Step { state: Some(State::Preparing), ..Step::default() };
        operations::step(&mut tx, &run.job, operation.id, step, run.now()).await.map_err(failed)?;
    }
    tx.commit().await.map_err(failed)?;
    Ok(operation)
}

/// The work of one operation.
struct Work {
    service: Service,
    context: Context,
    job: Claimed,
    operation: Operation,
}

impl Work {
    async fn perform(self) -> Result<Done> {
        let request: Request = serde_json::from_value(self.operation.request.clone())
            .map_err(|error| Error::because(Code::CatalogFailed, "the operation does not say what it is", error))?;
        let point = self.point().await?;
        let place = Place::find(&self.service, self.operation.source, point.target, self.operation.wedding).await?;
        let storage = target::open(&self.service, &place.target, place.lent).await?;
        let dsn = source::dsn(&self.service, &place.source, CredentialPurpose::Restore).await?;
        let mut prepared = self.prepare(&storage, &dsn, &place, &point, &request).await?;
        if self.was_cut_off() && request.target == Destination::Live && !request.validate_only {
            // Whether it may be stopped is decided when it is known what it left.
            let unhurried = Context { cancel: CancellationToken::new(), ..self.context.clone() };
            match recovery::aftermath(&unhurried, &mut prepared, self.operation.id).await? {
                Aftermath::NothingSaved | Aftermath::Untouched => {}
                Aftermath::Changed => {
                    drop(prepared);
                    return self.found(&unhurried, &storage, &dsn, &place, point, &request).await;
                }
            }
        }
        self.show(&prepared).await?;
        if request.validate_only {
            return Ok(Done { point, what: What::Previewed });
        }
        self.context.still_wanted()?;
        self.enter(State::Recovering).await?;
        let pinned = request.preview_hash.as_deref();
        let restored = Box::pin(recovery::apply_as(&self.context, prepared, pinned, self.operation.id)).await?;
        Ok(Done { point, what: What::Restored(Box::new(restored)) })
    }

    /// Whether another run of it may have come to live.
    fn was_cut_off(&self) -> bool {
        matches!(self.operation.state, State::Previewed | State::Recovering | State::Verifying)
    }

    async fn prepare(
        &self,
        storage: &Storage,
        dsn: &Dsn,
        place: &Place,
        point: &Point,
        request: &Request,
    ) -> Result<Prepared> {
        let files_root = place.source.files_root.as_ref().map(Into::into);
        // Folders and buckets of files are opened with the rights of this machine: only the operator names them (S29).
        let host_files = place.source.by_operator;
        let look_only = request.validate_only;
        if let Some(undone) = self.operation.undoes {
            let undo = recovery::Undo {
                operation: undone,
                vault: Some(point.vault),
                target: dsn,
                files_root,
                host_files,
                look_only,
            };
            return recovery::prepare_undo(&self.context, storage, undo).await;
        }
        let gone = || Error::new(Code::NotFound, "the operation names no wedding");
        let asked = Asked {
            target: dsn.clone(),
            wedding: place.wedding.as_ref().ok_or_else(gone)?.external_id.clone(),
            point: Wanted::Id(point.id),
            vault: Some(point.vault),
            mapping: None,
            scope: request.groups.clone(),
            mode: request.mode,
            conflicts: request.conflicts,
            side_schema: match &request.target {
                Destination::Live => None,
                Destination::SideSchema(name) => Some(name.clone()),
            },
            files_root,
            host_files,
            look_only,
        };
        recovery::prepare(&self.context, storage, asked).await
    }

    /// Live is not as it was before the operation: if nothing is left to do, its rows came.
    async fn found(
        &self,
        unhurried: &Context,
        storage: &Storage,
        dsn: &Dsn,
        place: &Place,
        point: Point,
        request: &Request,
    ) -> Result<Done> {
        let prepared = self.prepare(storage, dsn, place, &point, request).await?;
        if !prepared.plan.is_empty() {
            let message = "its worker was lost in the middle of it, and live has changed since: nobody can tell whether its rows came. \
                           The state before it is kept as a pre-recovery snapshot";
            return Err(Error::new(Code::RestoreUncertain, message));
        }
        let saved = vault_points::list(unhurried, storage, Some(point.vault), true).await?.into_iter();
        let of_this = saved.filter(|saved| saved.operation == Some(self.operation.id));
        let saved = of_this.map(|saved| Saved {
            id: saved.id,
            time: saved.time,
            raw_bytes: saved.raw_bytes,
            stored_bytes: 0,
            proven: false,
        });
        Ok(Done { point, what: What::FoundRestored(saved.collect()) })
    }

    async fn point(&self) -> Result<Point> {
        let scope = Scope::system(RequestId::from_uuid(self.service.context.new_id()?));
        let mut tx = self.service.catalog.begin(&scope).await.map_err(failed)?;
        let found = points::get(&mut tx, self.operation.point).await.map_err(failed)?;
        found.ok_or_else(|| Error::new(Code::PointNotFound, "the recovery point has expired since this was asked for"))
    }

    /// Writes the preview down.
    async fn show(&self, prepared: &Prepared) -> Result<()> {
        let preview: Value = serde_json::to_value(&prepared.plan)
            .map_err(|error| Error::because(Code::RestoreFailed, "the preview cannot be written", error))?;
        let state = (self.operation.state == State::Preparing).then_some(State::Previewed);
        let step = Step { state, preview: Some((&preview, &prepared.plan.preview_hash)), ..Step::default() };
        self.step(step).await
    }

    async fn enter(&self, state: State) -> Result<()> {
        if matches!(self.operation.state, State::Recovering | State::Verifying) {
            return Ok(());
        }
        self.step(Step { state: Some(state), ..Step::default() }).await
    }

    async fn step(&self, step: Step<'_>) -> Result<()> {
        let scope = Scope::worker(self.job.organisation, RequestId::from_uuid(self.service.context.new_id()?));
        let mut tx = self.service.catalog.begin(&scope).await.map_err(failed)?;
        let now = self.service.context.clock.now();
        operations::step(&mut tx, &self.job, self.operation.id, step, now).await.map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}

async fn complete(run: &Run, operation: &Operation, done: &Done) -> Result<()> {
    let (scope, now) = (run.scope()?, run.now());
    let (proof, saved) = match &done.what {
        What::Previewed => (None, Vec::new()),
        What::Restored(restored) => (Some(json!(restored)), restored.saved.iter().map(Saved::from).collect()),
        What::FoundRestored(saved) => (Some(json!({"found_restored": true})), saved.clone()),
    };
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        match &proof {
            None => {
                operations::step(&mut tx, &run.job, operation.id, Step { ended: true, ..Step::default() }, now).await?;
            }
            Some(proof) => {
                finish(&mut tx, &run.job, operation, proof, now).await?;
                for saved in &saved {
                    points::add(&mut tx, &saved.point(operation, &done.point, now)).await?;
                }
                let event = match operation.undoes {
                    Some(undone) => Event::RestoreUndone { operation, undone },
                    None => Event::RestoreCompleted(operation),
                };
                notification::enqueue(&mut tx, &event, now).await?;
            }
        }
        queue::finish(&mut tx, &run.job, &Outcome::Done, now).await?;
        tx.commit().await
    })
    .await
}

/// The last states, one after the other: none is left out.
async fn finish(
    tx: &mut Tx,
    job: &Claimed,
    operation: &Operation,
    proof: &Value,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let at = operations::of_job(tx, job.id).await?.state;
    let line = [State::Preparing, State::Previewed, State::Recovering, State::Verifying, State::Completed];
    for state in line.into_iter().skip_while(|state| *state != at).skip(1) {
        let ended = state == State::Completed;
        let step = Step { state: Some(state), proof: ended.then_some(proof), ended, ..Step::default() };
        operations::step(tx, job, operation.id, step, now).await?;
    }
    match operation.undoes {
        Some(undone) => operations::undone(tx, undone).await,
        None => Ok(()),
    }
}

async fn end(
    run: &Run,
    operation: &Operation,
    (outcome, job): (&Outcome, &Claimed),
    state: State,
    error: Option<&Value>,
) -> Result<()> {
    let (scope, now) = (run.scope()?, run.now());
    let again = matches!(outcome, Outcome::Retry(..)) && job.attempt < job.attempts_max;
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        // While it is to be tried again, it stays where it is.
        let step = match again {
            true => Step { error, ..Step::default() },
            false => Step { state: Some(state), error, ended: true, ..Step::default() },
        };
        operations::step(&mut tx, job, operation.id, step, now).await?;
        queue::finish(&mut tx, job, outcome, now).await?;
        if !again && state == State::Failed && changes_something(operation) {
            let code = told_code(error);
            notification::enqueue(&mut tx, &Event::RestoreFailed { operation, code }, now).await?;
        }
        tx.commit().await
    })
    .await
}

/// Whether more than a preview was asked for: whoever asked for that is looking at it.
pub(super) fn changes_something(operation: &Operation) -> bool {
    !serde_json::from_value::<Request>(operation.request.clone()).is_ok_and(|request| request.validate_only)
}

impl From<&Backed> for Saved {
    fn from(backed: &Backed) -> Self {
        Self {
            id: backed.point,
            time: backed.time,
            raw_bytes: backed.raw_bytes,
            stored_bytes: backed.stored_bytes,
            proven: true,
        }
    }
}

impl Saved {
    fn point(&self, operation: &Operation, restored: &Point, now: Timestamp) -> Point {
        let taken = Taken { catalog_at: now, storage_at: None };
        let grade = Grade::at_capture(ExecutionType::Emergency, Frequency::Daily);
        let promise = Promise::at_capture(&taken, restored.retention_class, grade, &Policy::default());
        Point {
            id: self.id,
            organisation: operation.organisation,
            source: Some(operation.source),
            wedding: operation.wedding,
            vault: restored.vault,
            target: restored.target,
            kind: Kind::PreRecovery,
            execution: None,
            operation: Some(operation.id),
            captured_at: self.time,
            confirmed_at: self.time,
            incomplete: false,
            suspect: Vec::new(),
            verified_at: self.proven.then_some(now),
            verification: self.proven.then(|| "read".to_owned()),
            integrity_score: None,
            summary: json!({}),
            raw_bytes: self.raw_bytes,
            stored_bytes: self.stored_bytes,
            retention_class: promise.class,
            grade: promise.grade,
            keep_until: promise.keep_until,
            created_at: now,
        }
    }
}
