//! Who calls.

use super::{Request, bearer};
use crate::{app::App, failure::Failure};
use axum::{extract::FromRequestParts, http::request::Parts};
use keepsake_app::{Code, Error, identity, service::Caller};

impl FromRequestParts<App> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        authenticated(parts, app).await
    }
}

/// The caller, asked for once a request: a layer may have found out before the handler does.
pub async fn authenticated(parts: &mut Parts, app: &App) -> Result<Caller, Failure> {
    if let Some(caller) = parts.extensions.get::<Caller>() {
        return Ok(caller.clone());
    }
    let Request(request) = Request::from_request_parts(parts, app).await?;
    let nobody = || Error::new(Code::Unauthenticated, "nobody is logged in: send Authorization: Bearer with a token");
    let token = bearer(&parts.headers).ok_or_else(nobody)?;
    let caller = identity::authenticate(&app.service, token, request).await?;
    parts.extensions.insert(caller.clone());
    Ok(caller)
}
