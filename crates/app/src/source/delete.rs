//! A source is taken out of use.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::sources;
use keepsake_domain::{SourceId, permission::Action};

/// Takes a source out of use: its credentials are forgotten, its weddings no longer planned. What was backed up stays.
///
/// # Errors
/// [`Code::InUse`] while a configuration names it; [`Code::Stale`]; else by cause.
pub async fn delete(service: &Service, caller: &Caller, id: SourceId, version: i64) -> Result<()> {
    let source = find(service, caller, Action::SourceDelete, id).await?;
    let work = async {
        let mut tx = service.begin(caller).await?;
        if sources::is_used(&mut tx, id).await.map_err(failed)? {
            return Err(Error::new(Code::InUse, "configurations back this source up: delete them first"));
        }
        if !sources::delete(&mut tx, id, version, service.context.clock.now()).await.map_err(failed)? {
            return Err(Error::new(Code::Stale, "the source was changed meanwhile"));
        }
        tx.commit().await.map_err(failed)
    };
    let relation = caller.relation_to(source.organisation);
    service.act(caller, Action::SourceDelete, relation, &subject(id), Some(source.organisation), work).await
}
