//! A backup job: its executions, from the first state to the last.

use super::{
    backup,
    run::{Ended, Run, Told, persist},
};
use crate::{
    error::Result,
    notification::{self, Event, told_code},
    service::catalog::failed,
};
use keepsake_catalog::{
    executions::{self, Execution},
    queue::{self, Claimed, Outcome},
};
use keepsake_domain::{
    ExecutionId,
    execution::{ExecutionType, State},
};
use serde_json::Value;

/// Does the backup and writes down what came of it.
pub(super) async fn run(run: &Run) -> Result<()> {
    let execution = begin(run).await?;
    tracing::info!(job = %run.job.id, execution = %execution.id, attempt = run.job.attempt, "backup begins");
    let context = run.context();
    let work = backup::perform(run.service.clone(), context.clone(), execution.clone(), run.job.payload.clone());
    let result = run.watched(&context, Told::Execution(execution.id), work).await;
    match run.ended(result) {
        Ended::Done(done) => complete(run, &execution, &done).await,
        Ended::Lost => Ok(()),
        Ended::GivenBack => run.give_back().await,
        Ended::Cancelled => end(run, &execution, (&Outcome::Cancelled, &run.job), State::Cancelled, None).await,
        Ended::Failed(error, again) => {
            let (outcome, job) = run.after_failure(error.clone(), again);
            end(run, &execution, (&outcome, &job), State::Failed, Some(&error)).await
        }
    }
}

async fn begin(run: &Run) -> Result<Execution> {
    let next = ExecutionId::from_uuid(run.service.context.new_id()?);
    let mut tx = run.tx().await?;
    let execution = executions::begin(&mut tx, &run.job, next, run.now()).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(execution)
}

async fn complete(run: &Run, execution: &Execution, done: &backup::Done) -> Result<()> {
    let (scope, now) = (run.scope()?, run.now());
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        queue::finish(&mut tx, &run.job, &Outcome::Done, now).await?;
        backup::record(&mut tx, execution, done, now).await?;
        if run.job.emergency {
            notification::enqueue(&mut tx, &Event::EmergencyCompleted(execution), now).await?;
        }
        tx.commit().await
    })
    .await
}

async fn end(
    run: &Run,
    execution: &Execution,
    (outcome, job): (&Outcome, &Claimed),
    state: State,
    error: Option<&Value>,
) -> Result<()> {
    let scope = run.scope()?;
    let next = ExecutionId::from_uuid(run.service.context.new_id()?);
    let now = run.now();
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        let dead = queue::finish(&mut tx, job, outcome, now).await?;
        executions::end(&mut tx, execution.id, state, error, now).await?;
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
        } else if state == State::Failed {
            let (is_emergency, code) = (run.job.emergency, told_code(error));
            notification::enqueue(&mut tx, &Event::BackupFailed { execution, is_emergency, code }, now).await?;
        }
        tx.commit().await
    })
    .await
}
