//! A request that failed, on its way to being a problem (RFC 9457): the status of every code, and what of the error is told.
//!
//! A handler's failure travels as an extension of its response; [`crate::middleware::request`] writes the body, because it
//! alone knows the request's id and path.

use crate::pages;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use keepsake_api::{
    Fault, Problem,
    operations::PointCandidate,
    problem::{MEDIA_TYPE, type_of},
};
use keepsake_app::{Code, Error};
use keepsake_domain::RequestId;
use std::fmt;

/// Result of a handler.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Seconds after which to try again what failed for a passing reason.
const PAUSE_SECONDS: u64 = 5;
/// Failed logins count for this long.
const THROTTLE_SECONDS: u64 = 15 * 60;
/// The challenge to nobody in particular (RFC 6750).
const CHALLENGE: &str = "Bearer";
/// The challenge to somebody whose second factor is not fresh (RFC 9470).
const STEP_UP: &str = r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age=300"#;

/// What only the protocol can refuse. The use cases' own codes are [`Code`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// The body is larger than bodies may be.
    BodyTooLarge,
    /// The body is not JSON, or does not say that it is.
    MediaTypeUnsupported,
    /// A change or deletion does not say what it was decided on.
    PreconditionRequired,
    /// Too many requests.
    TooManyRequests,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// The request with that key is at work.
    IdempotencyKeyAtWork,
    /// The request took too long.
    TimedOut,
    /// A fault of ours.
    Internal,
}

impl Protocol {
    /// Every one.
    #[cfg(test)]
    const ALL: [Self; 9] = [
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::MediaTypeUnsupported,
        Self::PreconditionRequired,
        Self::TooManyRequests,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyAtWork,
        Self::TimedOut,
        Self::Internal,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "method-not-allowed",
            Self::BodyTooLarge => "body-too-large",
            Self::MediaTypeUnsupported => "media-type-unsupported",
            Self::PreconditionRequired => "precondition-required",
            Self::TooManyRequests => "too-many-requests",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::IdempotencyKeyAtWork => "idempotency-key-at-work",
            Self::TimedOut => "timed-out",
            Self::Internal => "internal",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaTypeUnsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::IdempotencyKeyAtWork => StatusCode::CONFLICT,
            Self::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn retry_after(self) -> Option<u64> {
        match self {
            Self::TooManyRequests | Self::IdempotencyKeyAtWork => Some(1),
            Self::TimedOut => Some(PAUSE_SECONDS),
            _ => None,
        }
    }
}

/// The status of a use case's code. No arm catches the rest: a new code must be given a status here.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::Usage => StatusCode::BAD_REQUEST,
        Code::Unauthenticated | Code::MfaRequired | Code::MfaFailed | Code::SessionRevoked => StatusCode::UNAUTHORIZED,
        Code::TooManyAttempts | Code::EmergencyLimit => StatusCode::TOO_MANY_REQUESTS,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::NotFound
        | Code::VaultNotFound
        | Code::PointNotFound
        | Code::WeddingNotFound
        | Code::OperationNotFound => StatusCode::NOT_FOUND,
        Code::Stale => StatusCode::PRECONDITION_FAILED,
        Code::Exists
        | Code::InUse
        | Code::Ended
        | Code::VaultAmbiguous
        | Code::VaultDamaged
        | Code::VerifyFailed
        | Code::StorageUnsafe
        | Code::DatabaseRights
        | Code::DatabaseUnsuitable
        | Code::MappingMismatch
        | Code::RestoreRefused
        | Code::PreviewChanged
        | Code::RestoreBusy
        | Code::TargetNotEmpty
        | Code::ChoosePoint
        | Code::ConfirmNeeded => StatusCode::CONFLICT,
        Code::Invalid | Code::StorageInvalid | Code::DsnInvalid | Code::SmtpInvalid | Code::MappingInvalid => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        // What is at fault is a system of the customer's, behind this one.
        Code::StorageFailed | Code::DatabaseUnreachable | Code::CaptureFailed => StatusCode::BAD_GATEWAY,
        Code::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::CatalogFailed | Code::Busy | Code::CaptureYielded | Code::Interrupted => StatusCode::SERVICE_UNAVAILABLE,
        Code::MasterKeyMissing
        | Code::MasterKeyUnsafe
        | Code::MasterKeyWrong
        | Code::RestoreFailed
        | Code::RestoreUncertain
        | Code::FilesFailed
        | Code::SecretOutput
        | Code::HomeFailed
        | Code::ServerUnreachable
        | Code::ServerFailed
        | Code::DemoFailed => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Codes whose causes are about what the caller set up themselves, in words that repeat no secret.
const fn is_callers_own(code: Code) -> bool {
    matches!(
        code,
        Code::Forbidden
            | Code::StorageInvalid
            | Code::DsnInvalid
            | Code::DatabaseUnreachable
            | Code::DatabaseRights
            | Code::DatabaseUnsuitable
            | Code::MappingInvalid
            | Code::MappingMismatch
    )
}

/// What of an error is told to whoever asked. What failed inside may name files and servers of ours: the log has it.
fn told(error: &Error) -> Option<String> {
    match is_callers_own(error.code()) {
        true => Some(error.chain()),
        false => (!status(error.code()).is_server_error()).then(|| error.to_string()),
    }
}

/// Whether the words that a failed execution was ended with are for everybody who may see it: they are the whole chain of an error, and
/// what storage and files say of themselves names places of the operator's (S29). Words that are no code of an error are the worker's own.
pub fn is_told_to_all(code: &str) -> bool {
    match Code::ALL.iter().find(|known| known.name() == code) {
        Some(known) => {
            is_callers_own(*known)
                || matches!(known, Code::NotFound | Code::WeddingNotFound | Code::Invalid | Code::CaptureYielded)
        }
        None => true,
    }
}

/// Use cases write a fault of a value as `/pointer: what is wrong`, several of them with `; ` between.
fn faults(message: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for part in message.split("; ") {
        match (part.split_once(": ").filter(|(pointer, _)| pointer.starts_with('/')), faults.last_mut()) {
            (Some((pointer, message)), _) => {
                let (pointer, message) = (pointer.to_owned(), message.to_owned());
                faults.push(Fault { pointer, code: "invalid".to_owned(), message });
            }
            // A semicolon of the message's own.
            (None, Some(fault)) => fault.message = format!("{}; {part}", fault.message),
            (None, None) => return faults,
        }
    }
    faults
}

/// A failed request.
#[derive(Debug, Clone)]
pub struct Failure {
    code: &'static str,
    status: StatusCode,
    /// What happened; the title says it if there is nothing to add.
    detail: Option<String>,
    errors: Vec<Fault>,
    candidates: Vec<PointCandidate>,
    retry_after: Option<u64>,
    challenge: Option<&'static str>,
    /// The whole chain, for the log and nobody else.
    cause: Option<String>,
}

impl Failure {
    /// A request that the protocol refuses.
    pub fn protocol(kind: Protocol) -> Self {
        Self {
            code: kind.name(),
            status: kind.status(),
            detail: None,
            errors: Vec::new(),
            candidates: Vec::new(),
            retry_after: kind.retry_after(),
            challenge: None,
            cause: None,
        }
    }

    /// Values that cannot be used, each with its place.
    pub fn invalid(detail: impl Into<String>, errors: Vec<Fault>) -> Self {
        Self { errors, ..Self::from(Error::new(Code::Invalid, detail)) }
    }

    /// A value that cannot be used, at its place in the body.
    pub fn invalid_at(pointer: &str, message: impl fmt::Display) -> Self {
        Error::new(Code::Invalid, format!("{pointer}: {message}")).into()
    }

    /// With what happened this time.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    /// With the seconds after which to try again.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    /// With the points to choose from.
    #[must_use]
    pub fn candidates(self, candidates: Vec<PointCandidate>) -> Self {
        Self { candidates, ..self }
    }

    /// What the log says of it, if it is a fault of ours or of what we stand on.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref().filter(|_| self.status.is_server_error())
    }

    /// The faults of the values that were sent.
    #[cfg(test)]
    pub fn errors(&self) -> &[Fault] {
        &self.errors
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The problem that it is, of a request to a path.
    pub fn problem(self, request: RequestId, path: &str) -> Problem {
        let page = pages::of(self.code);
        let title = page.map_or(self.code, |page| page.title);
        Problem {
            kind: type_of(self.code),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.unwrap_or_else(|| title.to_owned()),
            instance: path.to_owned(),
            code: self.code.to_owned(),
            request_id: request.to_string(),
            errors: self.errors,
            candidates: self.candidates,
            retry_after: self.retry_after,
            remediation: page.map_or("", |page| page.remedy).to_owned(),
        }
    }

    /// The answer.
    pub fn respond(self, request: RequestId, path: &str) -> Response {
        let (status, retry_after, challenge) = (self.status, self.retry_after, self.challenge);
        let body = serde_json::to_vec(&self.problem(request, path)).unwrap_or_default();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(challenge) = challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        (status, headers, body).into_response()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, status) = (error.code(), status(error.code()));
        let detail = told(&error);
        let errors = if code == Code::Invalid { faults(&error.to_string()) } else { Vec::new() };
        Self {
            code: code.name(),
            status,
            detail,
            errors,
            candidates: Vec::new(),
            retry_after: match code {
                Code::TooManyAttempts => Some(THROTTLE_SECONDS),
                _ => (status.is_server_error() && code.may_retry()).then_some(PAUSE_SECONDS),
            },
            challenge: match code {
                Code::Unauthenticated | Code::SessionRevoked => Some(CHALLENGE),
                Code::MfaRequired | Code::MfaFailed => Some(STEP_UP),
                _ => None,
            },
            cause: Some(error.chain()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_status_of_an_error_and_a_page() {
        for code in Code::ALL {
            assert!(status(*code).is_client_error() || status(*code).is_server_error(), "{}", code.name());
            assert!(pages::of(code.name()).is_some(), "docs/errors.md has no section {}", code.name());
        }
        for kind in Protocol::ALL {
            assert!(pages::of(kind.name()).is_some(), "docs/errors.md has no section {}", kind.name());
            assert!(Code::ALL.iter().all(|code| code.name() != kind.name()), "{} has two meanings", kind.name());
        }
    }

    #[test]
    fn what_failed_inside_is_for_the_log() {
        let disk = std::io::Error::other("disk on fire");
        let failure = Failure::from(Error::because(Code::HomeFailed, "cannot use /var/lib/keepsake", disk));
        assert_eq!(failure.cause(), Some("cannot use /var/lib/keepsake: disk on fire"));
        assert_eq!(failure.detail, None);
        let failure = Failure::from(Error::new(Code::Invalid, "no such zone"));
        assert_eq!((failure.cause(), failure.detail.as_deref()), (None, Some("no such zone")));
    }

    #[test]
    fn a_fault_of_a_use_case_has_its_place() {
        let failure = Failure::from(Error::new(Code::Invalid, "/name: too long; use less; /url: it is: strange"));
        let places: Vec<_> = failure.errors().iter().map(|fault| (fault.pointer.as_str(), &*fault.message)).collect();
        assert_eq!(places, [("/name", "too long; use less"), ("/url", "it is: strange")]);
        assert!(Failure::from(Error::new(Code::Invalid, "no such zone; none")).errors().is_empty());
    }

    #[test]
    fn s29_what_an_execution_says_of_storage_is_not_for_everybody() {
        for code in
            ["storage-failed", "storage-full", "vault-damaged", "files-failed", "capture-failed", "catalog-failed"]
        {
            assert!(!is_told_to_all(code), "{code}");
        }
        for code in ["database-unreachable", "mapping-mismatch", "stalled", "worker-lost"] {
            assert!(is_told_to_all(code), "{code}");
        }
    }

    #[test]
    fn passing_failures_say_when_to_come_again() {
        assert_eq!(Failure::from(Error::new(Code::CatalogFailed, "")).retry_after, Some(PAUSE_SECONDS));
        assert_eq!(Failure::from(Error::new(Code::NotFound, "")).retry_after, None);
    }
}
