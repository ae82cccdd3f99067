//! The outermost layer: gives a request its id, its place in the log and its time; turns failures and panics into problems;
//! sets the headers that every answer has.

use crate::{
    app::App,
    extract::Peer,
    failure::{Failure, Protocol},
};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use futures::FutureExt;
use keepsake_domain::RequestId;
use std::{panic::AssertUnwindSafe, time::Instant};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Label of paths that lead nowhere: their own text is for strangers to choose.
const NOWHERE: &str = "none";

/// Runs the rest of the layers.
pub async fn handle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = app.service.context.new_id().map(RequestId::from_uuid);
    let known = id.is_ok();
    let id = id.unwrap_or_else(|_| RequestId::from_uuid(Uuid::nil()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map_or(NOWHERE, MatchedPath::as_str).to_owned();
    let encrypted = request.extensions().get::<Peer>().is_some_and(|peer| peer.encrypted);
    let span = tracing::info_span!(
        "request", request_id = %id, method = %method, route, trace_id = trace_id(request.headers()).unwrap_or_default()
    );
    request.extensions_mut().insert(id);
    let answer = async {
        if !known {
            // Without random bytes nothing here can be done safely.
            return failed(Failure::protocol(Protocol::Internal));
        }
        if announces_too_much(&request, app.limits.body_bytes) {
            return failed(Failure::protocol(Protocol::BodyTooLarge));
        }
        let work = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(app.limits.request_timeout, work).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
                tracing::error!(said, "a handler panicked");
                failed(Failure::protocol(Protocol::Internal))
            }
            Err(_) => failed(Failure::protocol(Protocol::TimedOut)),
        }
    };
    async {
        let mut response = answer.await;
        let failure = response.extensions_mut().remove::<Failure>();
        let code = failure.as_ref().map(Failure::code).unwrap_or_default();
        let cause = failure.as_ref().and_then(Failure::cause).unwrap_or_default().to_owned();
        if let Some(failure) = failure {
            let mut headers = std::mem::take(response.headers_mut());
            // That of the answer without a body.
            headers.remove(header::CONTENT_LENGTH);
            response = failure.respond(id, &path);
            response.headers_mut().extend(headers);
        }
        let (took, status) = (began.elapsed(), response.status());
        app.metrics.answered(method.as_str(), &route, status.as_u16(), took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match status.is_server_error() {
            true => tracing::error!(path, status = status.as_u16(), duration_ms, code, cause, "failed"),
            false => tracing::info!(path, status = status.as_u16(), duration_ms, code, "answered"),
        }
        dress(response.headers_mut(), id, encrypted);
        response
    }
    .instrument(span)
    .await
}

fn failed(failure: Failure) -> Response {
    axum::response::IntoResponse::into_response(failure)
}

fn announces_too_much(request: &Request, limit: usize) -> bool {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    announced
        .and_then(|text| text.parse::<u64>().ok())
        .is_some_and(|bytes| usize::try_from(bytes).map_or(true, |bytes| bytes > limit))
}

/// Headers of every answer. What a handler set stays.
fn dress(headers: &mut HeaderMap, id: RequestId, encrypted: bool) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    let always = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in always {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if encrypted {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
}

/// The trace that this request belongs to (W3C Trace Context, version 00), if the caller named one.
fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length| part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let whole = version == "00" && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && parts.next().is_none();
    (whole && trace.bytes().any(|b| b != b'0')).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(text: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(text).unwrap());
        trace_id(&headers).map(str::to_owned)
    }

    #[test]
    fn a_trace_is_taken_only_if_it_is_one() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(traced(&format!("00-{trace}-00f067aa0ba902b7-01")).as_deref(), Some(trace));
        for nonsense in ["", "00", "00-x-y-z", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"] {
            assert_eq!(traced(nonsense), None, "{nonsense}");
        }
        assert_eq!(traced(&format!("00-{trace}-00f067aa0ba902b7-01-more")), None);
    }
}
