//! A user who is to be here no more.

use super::{find, keep_an_admin, missing};
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{sessions, users};
use keepsake_domain::{UserId, permission::Action};

/// Disables a user: their sessions end, and tokens that they made work no more. Changing them back lets them in again.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound); [`Code::Invalid`](crate::Code::Invalid) for the last admin.
pub async fn disable(service: &Service, caller: &Caller, id: UserId) -> Result<()> {
    let (user, relation) = find(service, caller, id).await?;
    let owner = user.as_ref().map(|user| user.organisation);
    let work = async {
        let now = service.context.clock.now();
        let mut tx = service.begin(caller).await?;
        let old = users::get(&mut tx, id).await.map_err(catalog::failed)?.ok_or_else(missing)?;
        keep_an_admin(&mut tx, &old).await?;
        let new = users::User { disabled_at: old.disabled_at.or(Some(now)), ..old };
        users::replace(&mut tx, &new).await.map_err(catalog::failed)?;
        sessions::revoke_all(&mut tx, new.organisation, id, now).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)
    };
    service.act(caller, Action::UserDelete, relation, &format!("user {id}"), owner, work).await
}
