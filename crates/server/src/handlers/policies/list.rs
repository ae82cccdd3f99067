//! `GET /api/backup/retention/policies`.

use super::shown;
use crate::{
    app::App,
    extract::{Json, Page},
    failure::Result,
};
use axum::extract::State;
use keepsake_api::{page::PageQuery, policies::RetentionPolicyList};
use keepsake_app::{policy, service::Caller};

/// The retention policies in reach, newest first.
#[utoipa::path(get, path = "/api/backup/retention/policies", tag = "storage", operation_id = "policy_list",
    params(PageQuery), responses((status = 200, description = "A page of them.", body = RetentionPolicyList)))]
pub async fn list(State(app): State<App>, caller: Caller, page: Page) -> Result<Json<RetentionPolicyList>> {
    let found = policy::list(&app.service, &caller, page.size, page.after).await?;
    Ok(Json(RetentionPolicyList {
        items: found.items.into_iter().map(shown).collect(),
        next_page_token: found.next.map(|cursor| cursor.encode()),
    }))
}
