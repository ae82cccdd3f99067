//! Trying a backup again that failed.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    executions::{self, Execution},
    queue::revive,
};
use keepsake_domain::{
    ExecutionId,
    execution::{ExecutionType, State},
    permission::Action,
};

/// Queues the job of a failed execution once more; the execution that tries it. If the next attempt waits already, it comes
/// at once. What was stored before is used.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Ended`] unless it failed; [`Code::Exists`] if another backup of the same is under way.
pub async fn retry(service: &Service, caller: &Caller, id: ExecutionId) -> Result<ExecutionId> {
    let (failed_one, relation) = find(service, caller, Action::ExecutionRetry, id).await?;
    let owner = Some(failed_one.organisation);
    let work = async {
        if failed_one.state != State::Failed {
            return Err(Error::new(
                Code::Ended,
                format!("the execution is {}: only what failed is tried again", failed_one.state),
            ));
        }
        let now = service.context.clock.now();
        let mut tx = service.begin(caller).await?;
        let Some(waiting) = revive(&mut tx, failed_one.job, now).await.map_err(failed)? else {
            return Err(Error::new(Code::Ended, "its job is under way, done or cancelled"));
        };
        let newest = executions::newest_of(&mut tx, failed_one.job).await.map_err(failed)?;
        let newest = newest.ok_or_else(|| Error::new(Code::NotFound, "the job has no execution"))?;
        let next = if waiting && !newest.state.is_terminal() {
            newest.id
        } else {
            let next = Execution {
                id: ExecutionId::from_uuid(service.context.new_id()?),
                execution_type: ExecutionType::Retry,
                requested_by: caller.scope.actor.id(),
                attempt: newest.attempt + 1,
                created_at: now,
                ..newest
            };
            executions::add(&mut tx, &next).await.map_err(failed)?;
            next.id
        };
        tx.commit().await.map_err(failed)?;
        Ok(next)
    };
    service.act(caller, Action::ExecutionRetry, relation, &subject(id), owner, work).await
}
