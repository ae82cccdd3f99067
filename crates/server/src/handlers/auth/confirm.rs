//! `POST /api/auth/mfa/totp/confirm`.

use super::{given, shown};
use crate::{app::App, extract::Json, failure::Result};
use axum::extract::State;
use keepsake_api::auth::{ConfirmRequest, Confirmed};
use keepsake_app::{identity::factor, service::Caller};

/// Makes the enrolled secret the caller's second factor, by its first code.
#[utoipa::path(post, path = "/api/auth/mfa/totp/confirm", tag = "identity", operation_id = "totp_confirm",
    request_body = ConfirmRequest, responses((status = 200, description = "It counts.", body = Confirmed)))]
pub async fn confirm(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<ConfirmRequest>,
) -> Result<Json<Confirmed>> {
    let confirmed = factor::confirm(&app.service, &caller, &given(&body.code)).await?;
    Ok(Json(Confirmed {
        recovery_codes: confirmed.recovery_codes.iter().map(shown).collect(),
        access_token: shown(&confirmed.access.access_token),
        access_expires_at: confirmed.access.access_expires_at,
        mfa_at: confirmed.access.mfa_at,
    }))
}
