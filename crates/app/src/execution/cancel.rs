//! Stopping a backup: at once if it waits, by its worker's next heartbeat if it runs.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{executions, queue::request_cancel};
use keepsake_domain::{
    ExecutionId,
    execution::{ExecutionType, State},
    permission::Action,
};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting, and has ended.
    AtOnce,
    /// Its worker has been told, and ends it within seconds unless it is through before.
    Soon,
}

/// Stops an execution. No point comes of it.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Ended`] if it has ended.
pub async fn cancel(service: &Service, caller: &Caller, id: ExecutionId) -> Result<Cancelled> {
    let (execution, relation) = find(service, caller, Action::ExecutionCancel, id).await?;
    let manual = matches!(execution.execution_type, ExecutionType::Manual | ExecutionType::Emergency);
    let action = if manual { Action::ManualExecutionCancel } else { Action::ExecutionCancel };
    let work = async {
        let ended = || Error::new(Code::Ended, "the execution has ended already");
        if execution.state.is_terminal() {
            return Err(ended());
        }
        let now = service.context.clock.now();
        let mut tx = service.begin(caller).await?;
        let waiting = request_cancel(&mut tx, execution.job, now).await.map_err(failed)?.ok_or_else(ended)?;
        if waiting {
            executions::end(&mut tx, id, State::Cancelled, None, now).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(if waiting { Cancelled::AtOnce } else { Cancelled::Soon })
    };
    service.act(caller, action, relation, &subject(id), Some(execution.organisation), work).await
}
