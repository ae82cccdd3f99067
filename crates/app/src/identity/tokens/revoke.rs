//! The end of a token.

use super::{find, missing};
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::api_tokens;
use keepsake_domain::{TokenId, permission::Action};

/// Ends a token: the next call with it is refused. One that has ended stays ended.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound) if there is none for this caller.
pub async fn revoke(service: &Service, caller: &Caller, id: TokenId) -> Result<()> {
    let (token, relation) = find(service, caller, id).await?;
    let owner = token.as_ref().map(|token| token.organisation);
    let work = async {
        token.ok_or_else(missing)?;
        let mut tx = service.begin(caller).await?;
        api_tokens::revoke(&mut tx, id, service.context.clock.now()).await.map_err(catalog::failed)?;
        tx.commit().await.map_err(catalog::failed)
    };
    service.act(caller, Action::TokenDelete, relation, &format!("token {id}"), owner, work).await
}
