//! `POST /api/auth/mfa/verify`.

use super::{access, given};
use crate::{app::App, extract::Json, failure::Result};
use axum::extract::State;
use keepsake_api::auth::{Access, Factor};
use keepsake_app::{identity::factor, service::Caller};

/// Step-up: opens what takes a second factor, for 300 s, by the access token that is returned.
#[utoipa::path(post, path = "/api/auth/mfa/verify", tag = "identity", operation_id = "mfa_verify",
    request_body = Factor, responses((status = 200, description = "It is open.", body = Access)))]
pub async fn verify(State(app): State<App>, caller: Caller, Json(body): Json<Factor>) -> Result<Json<Access>> {
    let factor = match &body {
        Factor::Code(code) => factor::Factor::Code(given(code)),
        Factor::RecoveryCode(code) => factor::Factor::RecoveryCode(given(code)),
    };
    Ok(Json(access(&factor::verify(&app.service, &caller, &factor).await?)))
}
