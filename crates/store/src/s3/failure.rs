//! What a failed request means, and what of it may be shown.
//!
//! `object_store` keeps the status of an answer inside an error that it does not export, so it is read from the text of the
//! chain of causes; a test against a real server of ours holds that. Bodies of answers are not passed on: S3 repeats the
//! access key and the signed request in some. Their code and message are.

use crate::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// The service's answer in brief.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("HTTP {status}{}{}", said(.code.as_ref(), " "), said(.message.as_ref(), ": "))]
pub(super) struct Answer {
    pub(super) status: u16,
    code: Option<String>,
    message: Option<String>,
}

fn said(text: Option<&String>, before: &str) -> String {
    text.map(|text| format!("{before}{text}")).unwrap_or_default()
}

/// Longest text taken from an answer.
const SHOWN_MAX_CHARS: usize = 300;
const STATUS_MARK: &str = "status code: ";
/// How an answer begins that has the status of success and says in its body that it failed.
const FAILED_SUCCESS_MARK: &str = "Server returned error response: ";

impl Answer {
    /// From a status and the body beside it.
    pub(super) fn new(status: u16, body: &str) -> Self {
        Self { status, code: element(body, "Code"), message: element(body, "Message") }
    }

    fn is_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// As an error of the port.
    pub(super) fn into_error(self, key: &str) -> Error {
        let key = key.to_owned();
        match self.status {
            404 if !self.is_code(&["NoSuchBucket"]) => Error::NotFound { key },
            412 | 304 => Error::AlreadyExists { key },
            _ if self.is_code(&[
                "SlowDown",
                "RequestTimeout",
                "BadDigest",
                "XAmzContentSHA256Mismatch",
                "IncompleteBody",
            ]) =>
            {
                Error::Transient { key, source: self.into() }
            }
            507 => Error::NoSpace { key, source: self.into() },
            _ if self.is_code(&["QuotaExceeded", "XMinioStorageFull", "EntityTooLargeForQuota"]) => {
                Error::NoSpace { key, source: self.into() }
            }
            401 | 403 => Error::AccessDenied { key, source: self.into() },
            // 409 to a create: another request for the same name was under way. Whether it made the object is not said.
            200..=299 | 408 | 409 | 429 | 500 | 502..=506 | 508..=599 => Error::Transient { key, source: self.into() },
            _ => Error::Permanent { key, source: self.into() },
        }
    }
}

/// The text of the first element of that name.
pub(super) fn element(body: &str, name: &str) -> Option<String> {
    let rest = body.split_once(&format!("<{name}>"))?.1;
    let text = rest.split_once(&format!("</{name}>"))?.0;
    Some(text.chars().filter(|char| !char.is_control()).take(SHOWN_MAX_CHARS).collect())
}

fn chain<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

fn answer(error: &object_store::Error) -> Option<Answer> {
    // The innermost text has the mark nearest to its start; outer ones repeat it.
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.iter().rev().find_map(|text| {
        if let Some((_, rest)) = text.split_once(STATUS_MARK) {
            let status = rest.get(..3)?.parse().ok()?;
            return Some(Answer::new(status, rest));
        }
        text.split_once(FAILED_SUCCESS_MARK).map(|(_, body)| Answer::new(200, body))
    })
}

/// What came of a request, in brief and without any of the texts that a client keeps of it.
pub(super) fn brief(error: &object_store::Error) -> String {
    if let Some(answer) = answer(error) {
        return answer.to_string();
    }
    match chain(error).find_map(|cause| cause.downcast_ref::<HttpError>()).map(HttpError::kind) {
        Some(HttpErrorKind::Connect) => "it cannot be reached".to_owned(),
        Some(HttpErrorKind::Timeout) => "it did not answer in time".to_owned(),
        _ => "there was no answer that could be used".to_owned(),
    }
}

/// An error of the client as one of the port.
pub(super) fn error(key: &str, source: object_store::Error) -> Error {
    // A refusal of ours, made before any request.
    if let object_store::Error::Unauthenticated { path, .. } = &source
        && path == super::credentials::NOT_FOUND
    {
        return Error::AccessDenied { key: key.to_owned(), source: source.into() };
    }
    if let Some(answer) = answer(&source) {
        return answer.into_error(key);
    }
    let passing = chain(&source)
        .find_map(|cause| cause.downcast_ref::<HttpError>())
        .map(|cause| !matches!(cause.kind(), HttpErrorKind::Unknown) || broke_off(cause));
    let key = key.to_owned();
    match (passing, source) {
        (Some(true), source) => Error::Transient { key, source: source.into() },
        (_, object_store::Error::NotFound { .. }) => Error::NotFound { key },
        (_, object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
            Error::AlreadyExists { key }
        }
        (_, source) => Error::Permanent { key, source: source.into() },
    }
}

/// Whether a body ended before its time, which the client sorts under "unknown".
fn broke_off(error: &HttpError) -> bool {
    chain(error).any(|cause| {
        let text = cause.to_string();
        text.contains("end of file before message length reached")
            || text.contains("connection")
            || cause.is::<std::io::Error>()
    })
}

/// Whether a range began after the last byte.
pub(super) fn is_beyond_the_end(error: &Error) -> bool {
    let Error::Permanent { source, .. } = error else { return false };
    source.downcast_ref::<Answer>().is_some_and(|answer| answer.status == 416)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, code: &str) -> Error {
        Answer::new(status, &format!("<Error><Code>{code}</Code><Message>words</Message></Error>"))
            .into_error("data/4f")
    }

    #[test]
    fn an_answer_becomes_the_error_that_tells_the_caller_what_to_do() {
        assert!(of(404, "NoSuchKey").is_not_found());
        assert!(matches!(of(404, "NoSuchBucket"), Error::Permanent { .. }));
        assert!(matches!(of(412, "PreconditionFailed"), Error::AlreadyExists { .. }));
        assert!(matches!(of(403, "AccessDenied"), Error::AccessDenied { .. }));
        assert!(matches!(of(507, ""), Error::NoSpace { .. }));
        assert!(matches!(of(403, "QuotaExceeded"), Error::NoSpace { .. }));
        assert!(matches!(of(400, "InvalidRequest"), Error::Permanent { .. }));
        for (status, code) in
            [(200, "InternalError"), (500, ""), (503, "SlowDown"), (429, ""), (400, "BadDigest"), (403, "SlowDown")]
        {
            assert!(of(status, code).is_transient(), "{status} {code}");
        }
    }

    #[test]
    fn s15_a_409_is_not_taken_for_an_existing_object() {
        assert!(of(409, "ConditionalRequestConflict").is_transient());
    }

    #[test]
    fn what_is_shown_of_an_answer_is_its_code_and_message() {
        let body = "<Error><Code>SignatureDoesNotMatch</Code><Message>check it</Message><AWSAccessKeyId>AKIA1</AWSAccessKeyId></Error>";
        assert_eq!(Answer::new(403, body).to_string(), "HTTP 403 SignatureDoesNotMatch: check it");
        assert_eq!(Answer::new(502, "<html>").to_string(), "HTTP 502");
    }
}
