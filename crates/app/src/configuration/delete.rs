//! A configuration is deleted: it runs no more. What it made stays.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{configurations, executions, queue::request_cancel};
use keepsake_domain::{ConfigurationId, execution::State, permission::Action};

/// Deletes a configuration, if it is still of version `version`. Executions of it that wait or run are in the way, unless they are to be
/// cancelled with it: those that wait end at once, those that run within seconds.
///
/// # Errors
/// [`Code::InUse`] while an execution of it waits or runs; [`Code::Stale`]; else by cause.
pub async fn delete(
    service: &Service,
    caller: &Caller,
    id: ConfigurationId,
    version: i64,
    cancel_running: bool,
) -> Result<()> {
    let found = find(service, caller, Action::ConfigurationDelete, id).await?;
    let work = async {
        let now = service.context.clock.now();
        let mut tx = service.begin(caller).await?;
        // Nobody puts a run of it into the queue from here on.
        configurations::lock(&mut tx, id).await.map_err(failed)?;
        if !configurations::delete(&mut tx, id, version, now).await.map_err(failed)? {
            return Err(Error::new(Code::Stale, "the configuration was changed meanwhile"));
        }
        let open = configurations::open(&mut tx, id).await.map_err(failed)?;
        if !open.is_empty() && !cancel_running {
            let message = "an execution of it is under way: wait for its end, or say cancel_running=true";
            return Err(Error::new(Code::InUse, message));
        }
        for (job, execution) in open {
            if request_cancel(&mut tx, job, now).await.map_err(failed)? == Some(true) {
                executions::end(&mut tx, execution, State::Cancelled, None, now).await.map_err(failed)?;
            }
        }
        tx.commit().await.map_err(failed)
    };
    let relation = caller.relation_to(found.organisation);
    service.act(caller, Action::ConfigurationDelete, relation, &subject(id), Some(found.organisation), work).await
}
