//! `GET /api/auth/tokens`.

use super::token;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, tokens::TokenList};
use keepsake_app::{identity::tokens, service::Caller};

/// The tokens in reach, newest first, with those that work no more.
#[utoipa::path(get, path = "/api/auth/tokens", tag = "identity", operation_id = "token_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = TokenList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<TokenList>> {
    let found = tokens::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(TokenList {
        items: found.items.into_iter().map(token).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
