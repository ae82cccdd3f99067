//! `GET /api/docs`: the description for people, with everything that the page needs inside the program.

use crate::{
    extract::Path,
    failure::{Failure, Protocol, Result},
};
use axum::{
    http::header,
    response::{IntoResponse, Redirect, Response},
};
use keepsake_app::{Code, Error};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

/// The page sets styles on its own elements and draws icons from data URLs; it gets scripts and answers from here only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("/api/openapi.json")));

/// Leads to the page.
pub async fn enter() -> Redirect {
    Redirect::permanent("/api/docs/")
}

/// The page itself.
pub async fn index() -> Result<Response> {
    serve("index.html")
}

/// What the page is made of.
pub async fn file(Path(name): Path<String>) -> Result<Response> {
    serve(&name)
}

fn serve(name: &str) -> Result<Response> {
    let file =
        utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)).map_err(|_| Failure::protocol(Protocol::Internal))?;
    let file = file.ok_or_else(|| Failure::from(Error::new(Code::NotFound, "the page has no such part")))?;
    let headers = [(header::CONTENT_TYPE, file.content_type), (header::CONTENT_SECURITY_POLICY, POLICY.to_owned())];
    Ok((headers, file.bytes.into_owned()).into_response())
}
