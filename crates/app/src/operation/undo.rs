//! Asking for the undo of a restore: a new operation, from the state that was saved before it (safety rule S8).

use super::{Destination, New, Request, check_reason, find, put, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::{queue::Kind, weddings};
use keepsake_domain::{
    OperationId,
    operation::State,
    permission::Action,
    restore::{ConflictRule, Mode, Scope},
};

/// Starts the undo of an operation. It waits in the queue when this returns.
///
/// # Errors
/// [`Code::MfaRequired`], [`Code::NotFound`], [`Code::Forbidden`]; [`Code::Ended`] unless it is completed and changed live;
/// [`Code::Exists`] if it is being undone already; [`Code::RestoreBusy`] while another restore of the wedding is under way.
pub async fn undo(service: &Service, caller: &Caller, id: OperationId, reason: &str) -> Result<OperationId> {
    let (operation, relation) = find(service, caller, Action::OperationUndo, id).await?;
    let owner = Some(operation.organisation);
    let work = async {
        check_reason(reason)?;
        let done: Request = serde_json::from_value(operation.request.clone())
            .map_err(|error| Error::because(Code::CatalogFailed, "the operation does not say what it was", error))?;
        if operation.state != State::Completed {
            let message = format!("the operation is {}: only what is completed can be undone", operation.state);
            return Err(Error::new(Code::Ended, message));
        }
        if done.target != Destination::Live {
            return Err(Error::new(
                Code::Ended,
                "the operation changed nothing live: drop its schema when you are done with it",
            ));
        }
        let mut tx = service.begin(caller).await?;
        let gone = || Error::new(Code::NotFound, "the wedding is not registered any more");
        let wedding = operation.wedding.ok_or_else(gone)?;
        let wedding = weddings::get(&mut tx, wedding).await.map_err(failed)?.ok_or_else(gone)?;
        let request = Request {
            groups: Scope::whole(),
            target: Destination::Live,
            mode: Mode::Exact,
            conflicts: ConflictRule::Leave,
            validate_only: false,
            preview_hash: None,
        };
        let new = New {
            kind: Kind::Undo,
            wedding: &wedding,
            point: operation.point,
            undoes: Some(id),
            request: &request,
            reason,
            is_emergency: false,
        };
        let undo = put(&mut tx, service, caller, new).await?;
        tx.commit().await.map_err(failed)?;
        Ok(undo)
    };
    service.act(caller, Action::OperationUndo, relation, &subject(id), owner, work).await
}
