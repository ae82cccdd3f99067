//! Executions: backups that people and programs ask for, watch, stop and ask for again.
//!
//! Asking writes the job and its first execution in one transaction; the work is done by [`crate::worker`], on any node. What a
//! schedule wants comes the same way, from elsewhere.

mod cancel;
mod list;
mod retry;
mod start;

pub use cancel::{Cancelled, cancel};
pub use list::{get, list};
pub use retry::retry;
pub use start::{Asked, Started, What, start};

use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{
    Role,
    executions::{self, Execution},
};
use keepsake_domain::{
    ExecutionId,
    permission::{Action, Relation},
};

/// The execution of that id, for an act on it, with what it is to the caller: what is not there, or not for them, is put on
/// record as a refusal.
async fn find(service: &Service, caller: &Caller, action: Action, id: ExecutionId) -> Result<(Execution, Relation)> {
    let found = executions::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(execution) = found {
        // The catalog shows members those of their own weddings only.
        let own = caller.scope.role == Role::Member;
        let relation = if own { Relation::Own } else { caller.relation_to(execution.organisation) };
        return Ok((execution, relation));
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no execution of that id"))
}

fn subject(id: ExecutionId) -> String {
    format!("execution {id}")
}
