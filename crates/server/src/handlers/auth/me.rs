//! `GET /api/auth/me`.

use crate::{
    app::App,
    extract::Json,
    failure::Result,
    handlers::{tokens::scopes, users::role},
};
use axum::extract::State;
use keepsake_api::auth::{Me, MeToken, MeUser};
use keepsake_app::{identity, service::Caller};

/// Who the caller is.
#[utoipa::path(get, path = "/api/auth/me", tag = "identity", operation_id = "who_am_i",
    responses((status = 200, description = "The caller.", body = Me)))]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>> {
    Ok(Json(match identity::me(&app.service, &caller).await? {
        identity::Me::User(user) => Me::User(MeUser {
            id: *user.id.as_uuid(),
            email: user.email,
            display_name: user.display_name,
            organisation_id: *user.organisation_id.as_uuid(),
            organisation_name: user.organisation_name,
            operator: user.operator,
            role: role(user.role),
            emergency_authorised: user.emergency_authorised,
            mfa_enrolled: user.mfa_enrolled,
            mfa_fresh: user.mfa_fresh,
        }),
        identity::Me::Token(token) => Me::Token(MeToken {
            id: *token.id.as_uuid(),
            name: token.name,
            organisation_id: *token.organisation_id.as_uuid(),
            organisation_name: token.organisation_name,
            operator: token.operator,
            scopes: scopes(&token.scopes),
            expires_at: token.expires_at,
        }),
    }))
}
