//! One token.

use super::{Token, find, missing};
use crate::{
    error::Result,
    service::{Caller, Service},
};
use keepsake_domain::{TokenId, permission::Action};

/// The token of that id.
///
/// # Errors
/// [`Code::NotFound`](crate::Code::NotFound) if there is none for this caller.
pub async fn get(service: &Service, caller: &Caller, id: TokenId) -> Result<Token> {
    let (token, relation) = find(service, caller, id).await?;
    service.allow(caller, Action::TokenRead, relation, &format!("token {id}"), None).await?;
    token.map(Token::from).ok_or_else(missing)
}
