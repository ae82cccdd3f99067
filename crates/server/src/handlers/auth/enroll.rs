//! `POST /api/auth/mfa/totp/enroll`.

use super::{given, shown};
use crate::{app::App, extract::Json, failure::Result};
use axum::extract::State;
use keepsake_api::auth::{EnrollRequest, Enrolled};
use keepsake_app::{identity::factor, service::Caller};

/// Makes a secret for the caller's authenticator. It counts once it is confirmed; replacing a factor takes that factor first.
#[utoipa::path(post, path = "/api/auth/mfa/totp/enroll", tag = "identity", operation_id = "totp_enroll",
    request_body = EnrollRequest, responses((status = 200, description = "What goes into the app.", body = Enrolled)))]
pub async fn enroll(State(app): State<App>, caller: Caller, Json(body): Json<EnrollRequest>) -> Result<Json<Enrolled>> {
    let enrolled = factor::enroll(&app.service, &caller, &given(&body.password)).await?;
    Ok(Json(Enrolled {
        url: shown(&enrolled.url),
        secret: shown(&enrolled.secret),
        issuer: enrolled.issuer.to_owned(),
    }))
}
