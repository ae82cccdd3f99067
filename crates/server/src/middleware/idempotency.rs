//! `Idempotency-Key` on a POST: the first request works, and whoever sends it again gets its answer (S33).
//!
//! The work goes on when the caller hangs up: they will ask again. Only answers that succeeded are kept; a refusal did
//! nothing and may be tried again. Paths whose answers hold secrets are left out, since answers are stored.

use crate::{
    app::App,
    extract::authenticated,
    failure::{Failure, Protocol, Result},
};
use aws_lc_rs::digest::{Context, SHA256};
use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use keepsake_api::Fault;
use keepsake_app::{
    idempotency::{self, Answer, Claim, Key},
    service::Caller,
};
use std::panic::AssertUnwindSafe;
use tracing::Instrument;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells an answer that is given again from the first.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const LONGEST_KEY: usize = 255;
/// Answers below this hold passwords or tokens.
const SECRET_PATHS: &str = "/api/auth/";
/// The answer here holds the secret of a webhook.
const SECRET_PATH: &str = "/api/webhooks";
/// What of an answer's head is the answer's own, and not the connection's or the request's.
const KEPT_HEADERS: [HeaderName; 4] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::RETRY_AFTER];

/// Answers a request, or gives the answer of the same request again.
pub async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let secret = path.starts_with(SECRET_PATHS) || path == SECRET_PATH;
    if request.method() != Method::POST || secret || !request.headers().contains_key(KEY) {
        return next.run(request).await;
    }
    answer(app, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: App, request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let Some(route) = parts.extensions.get::<MatchedPath>() else {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    };
    let call = format!("{} {}", parts.method, route.as_str());
    // Nobody learns what is wrong with their request before they have said who they are.
    let caller = authenticated(&mut parts, &app).await?;
    let key = Key { method: parts.method.to_string(), path: parts.uri.path().to_owned(), key: key(&parts.headers)? };
    let body = to_bytes(body, app.limits.body_bytes).await.map_err(|_| Failure::protocol(Protocol::BodyTooLarge))?;
    let hash = hash(parts.uri.query().unwrap_or_default(), &body);
    match idempotency::claim(&app.service, &caller, &call, &key, &hash).await? {
        Claim::Other => Err(Failure::protocol(Protocol::IdempotencyKeyReused)),
        Claim::AtWork => Err(Failure::protocol(Protocol::IdempotencyKeyAtWork)),
        Claim::Answered(answer) => replay(answer),
        Claim::Fresh => {
            let request = Request::from_parts(parts, Body::from(body));
            let work = tokio::spawn(work(app, caller, key, request, next).in_current_span());
            Ok(work.await.unwrap_or_else(|_| Failure::protocol(Protocol::Internal).into_response()))
        }
    }
}

/// Does the work to its end, and keeps what came of it.
async fn work(app: App, caller: Caller, key: Key, request: Request, next: Next) -> Response {
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(app.limits.request_timeout, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => Failure::protocol(Protocol::Internal).into_response(),
        Err(_) => Failure::protocol(Protocol::TimedOut).into_response(),
    };
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, app.limits.body_bytes).await else {
        return Failure::protocol(Protocol::Internal).into_response();
    };
    let kept = match parts.status.is_success() {
        true => {
            let answer =
                Answer { status: parts.status.as_u16(), headers: kept_headers(&parts.headers), body: body.to_vec() };
            idempotency::keep(&app.service, &caller, &key, &answer).await
        }
        false => idempotency::release(&app.service, &caller, &key).await,
    };
    if let Err(error) = kept {
        // It is done, and its caller may know; a repetition is refused until the key is given up as abandoned.
        tracing::error!(cause = %error.chain(), "the answer to a request with an Idempotency-Key could not be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

fn replay(answer: Answer) -> Result<Response> {
    let internal = || Failure::protocol(Protocol::Internal);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(|_| internal())?;
        headers.insert(name, HeaderValue::try_from(value).map_err(|_| internal())?);
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    let status = StatusCode::from_u16(answer.status).map_err(|_| internal())?;
    Ok((status, headers, answer.body).into_response())
}

fn key(headers: &HeaderMap) -> Result<String> {
    let text = headers.get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let fits = (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(text.to_owned());
    }
    let message = format!("1 to {LONGEST_KEY} visible ASCII characters, such as a UUID");
    let fault = Fault { pointer: String::new(), code: "invalid".to_owned(), message };
    Err(Failure::invalid("the Idempotency-Key cannot be used", vec![fault]))
}

/// The request to the byte, but for its path, which the key names.
fn hash(query: &str, body: &Bytes) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    // A query holds no newline.
    context.update(query.as_bytes());
    context.update(b"\n");
    context.update(body);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

fn kept_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let value = |name: &HeaderName| Some((name.to_string(), headers.get(name)?.to_str().ok()?.to_owned()));
    KEPT_HEADERS.iter().filter_map(value).collect()
}
