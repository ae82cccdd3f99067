//! `GET /api/problems/{code}`.

use crate::{
    extract::Path,
    failure::{Failure, Result},
    pages,
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use keepsake_app::{Code, Error};

/// What a kind of problem means and what to do about it: where the `type` of every problem leads.
#[utoipa::path(get, path = "/api/problems/{code}", tag = "documentation", operation_id = "problem", security(()),
    params(("code" = String, Path, description = "The `code` of a problem.", example = "not-found")),
    responses((status = 200, description = "The page.", body = String, content_type = "text/markdown")))]
pub async fn problem(Path(code): Path<String>) -> Result<Response> {
    let page = pages::of(&code)
        .ok_or_else(|| Failure::from(Error::new(Code::NotFound, "there is no problem of that code")))?;
    let text = format!("# {code}\n\n{}\n", page.text);
    Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], text).into_response())
}
