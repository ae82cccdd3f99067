//! A target is tried out.

use super::{find, open, relation, subject};
use crate::{
    error::Result,
    service::{Caller, Service},
};
use keepsake_domain::{TargetId, permission::Action};
use keepsake_store::Capabilities;

/// Writes, reads back and deletes a probe object, and says what the store really does.
///
/// # Errors
/// [`Code::StorageFailed`](crate::Code::StorageFailed) if one of these does not work; else by cause.
pub async fn test(service: &Service, caller: &Caller, id: TargetId) -> Result<Capabilities> {
    let (target, lent) = find(service, caller, Action::TargetTest, id).await?;
    let action = if lent { Action::LentTargetTest } else { Action::TargetTest };
    let work = async { open(service, &target, lent).await?.capabilities().await };
    let relation = relation(caller, &target, lent);
    service.act(caller, action, relation, &subject(id), Some(target.organisation), work).await
}
