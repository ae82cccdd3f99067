//! Who sees a wedding.

use super::{find, subject};
use crate::{
    error::{Code, Error, Result},
    service::{Caller, Service, catalog::failed},
};
use keepsake_catalog::members;
use keepsake_domain::{UserId, WeddingId, permission::Action};

/// More members than this no wedding has.
const MOST: usize = 200;

/// The users who are assigned to a wedding.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; else by cause.
pub async fn members(service: &Service, caller: &Caller, id: WeddingId) -> Result<Vec<UserId>> {
    let (wedding, relation) = find(service, caller, Action::WeddingMembersRead, id).await?;
    service.allow(caller, Action::WeddingMembersRead, relation, &subject(id), Some(wedding.organisation)).await?;
    members::list(&mut service.begin(caller).await?, id).await.map_err(failed)
}

/// Assigns exactly these users to a wedding.
///
/// # Errors
/// [`Code::Invalid`] if one is no user of the wedding's organisation; else as [`members`].
pub async fn set_members(service: &Service, caller: &Caller, id: WeddingId, users: &[UserId]) -> Result<Vec<UserId>> {
    let (wedding, relation) = find(service, caller, Action::WeddingMembersReplace, id).await?;
    let work = async {
        if users.len() > MOST {
            return Err(Error::new(Code::Invalid, format!("/members: name at most {MOST} users")));
        }
        let mut tx = service.begin(caller).await?;
        let now = service.context.clock.now();
        let done = members::replace(&mut tx, id, wedding.organisation, users, now).await;
        done.map_err(|error| match error {
            keepsake_catalog::Error::Missing { .. } => {
                Error::because(Code::Invalid, "/members: one of them is no user of the wedding's organisation", error)
            }
            error => failed(error),
        })?;
        let members = members::list(&mut tx, id).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(members)
    };
    let owner = Some(wedding.organisation);
    service.act(caller, Action::WeddingMembersReplace, relation, &subject(id), owner, work).await
}
