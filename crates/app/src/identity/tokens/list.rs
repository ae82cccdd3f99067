//! Tokens in pages.

use super::Token;
use crate::{
    error::Result,
    service::{Caller, Service, catalog},
};
use keepsake_catalog::{Cursor, Page, api_tokens};
use keepsake_domain::permission::{Action, Relation};

/// The tokens in the caller's reach, newest first, with those that work no more.
///
/// # Errors
/// [`Code::Forbidden`](crate::Code::Forbidden) for members.
pub async fn list(service: &Service, caller: &Caller, size: u16, after: Option<Cursor>) -> Result<Page<Token>> {
    service.allow(caller, Action::TokenRead, Relation::Collection, "tokens", None).await?;
    let mut tx = service.begin(caller).await?;
    let page = api_tokens::list(&mut tx, size, after).await.map_err(catalog::failed)?;
    tx.commit().await.map_err(catalog::failed)?;
    Ok(Page { items: page.items.into_iter().map(Token::from).collect(), next: page.next })
}
