//! Stopping a restore before its rows are committed.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{operations, queue::request_cancel};
use keepsake_domain::{OperationId, operation::State, permission::Action};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It was waiting, and has ended.
    AtOnce,
    /// Its worker has been told: before the commit it rolls back wholly, after it the operation completes.
    Soon,
}

/// Stops an operation.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Ended`] if it has ended, and then an undo is the way back.
pub async fn cancel(service: &Service, caller: &Caller, id: OperationId) -> Result<Cancelled> {
    let (operation, relation) = find(service, caller, Action::OperationCancel, id).await?;
    let owner = Some(operation.organisation);
    let work = async {
        let ended = || Error::new(Code::Ended, "the operation has ended: a restore that is completed can be undone");
        let (None, Some(job)) = (operation.ended_at, operation.job) else { return Err(ended()) };
        let now = service.context.clock.now();
        let mut tx = service.begin(caller).await?;
        let waiting = request_cancel(&mut tx, job, now).await.map_err(failed)?.ok_or_else(ended)?;
        if waiting {
            let state = operations::get(&mut tx, id).await.map_err(failed)?.map(|operation| operation.state);
            if !matches!(state, Some(State::Initializing | State::Preparing)) {
                // Nobody knows yet what its last worker left: whoever takes it over finds out first.
                let message = "its worker was lost in the middle of it: it is taken over within a minute, and can be stopped then";
                return Err(Error::new(Code::RestoreBusy, message));
            }
            operations::cancel_waiting(&mut tx, id, now).await.map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(if waiting { Cancelled::AtOnce } else { Cancelled::Soon })
    };
    service.act(caller, Action::OperationCancel, relation, &subject(id), owner, work).await
}
