//! `GET /api/users`.

use super::user;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, users::UserList};
use keepsake_app::{identity::users, service::Caller};

/// The users in reach, newest first.
#[utoipa::path(get, path = "/api/users", tag = "identity", operation_id = "user_list", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = UserList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<UserList>> {
    let found = users::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(UserList {
        items: found.items.into_iter().map(user).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
