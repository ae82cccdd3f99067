//! A source is changed.

use super::{
    Address, Shown,
    create::{check_name, expect_assigned, explained},
    credential::{self, Purpose},
    find, lasting, subject,
};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::sources::{self, Assignments};
use keepsake_domain::{SourceId, permission::Action};

/// What a source is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The version that the caller read.
    pub version: i64,
    /// What people call it.
    pub name: String,
    /// Where it is and what opens it; `None` leaves it, credentials included, as it is.
    pub address: Option<Address>,
    /// Where the files are that rows name.
    pub files_root: Option<String>,
    /// What stays the same when the server moves. What is known stays if `None`.
    pub identity: Option<String>,
    /// Whose weddings are whose. Holds for weddings that are found from now on.
    pub assignments: Assignments,
}

/// Replaces what people set of a source.
///
/// # Errors
/// [`Code::Stale`] if it was changed meanwhile; else as [`create`](super::create).
pub async fn change(service: &Service, caller: &Caller, id: SourceId, change: Change) -> Result<Shown> {
    let mut source = find(service, caller, Action::SourceReplace, id).await?;
    expect_assigned(service, caller, &change.assignments).await?;
    check_name(&change.name)?;
    let operator = caller.scope.operator;
    let mut checked = change.address.as_ref().map(|address| address.check(operator)).transpose()?;
    let refusal = checked.as_mut().and_then(|checked| checked.refusal.take());
    let host = checked.as_ref().is_some_and(|checked| checked.host);
    let operators = host || change.files_root != source.files_root || change.assignments != source.assignments;
    let action = if operators { Action::HostSourceReplace } else { Action::SourceReplace };
    let organisation = source.organisation;
    let work = async {
        if let Some(checked) = &checked {
            if checked.kind != source.kind {
                return Err(Error::new(Code::Invalid, "/kind: a source stays what it is; register another"));
            }
            let sealed = |purpose: Purpose, secret: &Option<super::Secret>| {
                let place = purpose.place(organisation, *id.as_uuid());
                secret.as_ref().map(|secret| credential::seal(service, place, secret)).transpose()
            };
            source.location.clone_from(&checked.location);
            source.capture_credential = sealed(Purpose::Capture, &checked.capture)?;
            source.restore_credential = sealed(Purpose::Restore, &checked.restore)?;
            if source.by_operator && !operator {
                // What the operator vouched for was another server.
                source.identity = None;
            }
            source.by_operator = operator;
        }
        change.name.trim().clone_into(&mut source.name);
        source.files_root.clone_from(&change.files_root);
        source.assignments.clone_from(&change.assignments);
        if let Some(name) = &change.identity {
            source.identity = Some(lasting::named(caller, organisation, name, source.identity.as_deref())?);
        }
        source.version = change.version;
        let mut tx = service.begin(caller).await?;
        let version = sources::replace(&mut tx, &source).await.map_err(failed)?;
        let stale = || Error::new(Code::Stale, "the source was changed meanwhile");
        source.version = version.ok_or_else(stale)?;
        tx.commit().await.map_err(failed)?;
        Ok(Shown::from(source))
    };
    let relation = caller.relation_to(organisation);
    let done = service.act(caller, action, relation, &subject(id), Some(organisation), work).await;
    done.map_err(|error| explained(error, refusal))
}
