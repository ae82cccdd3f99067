//! Answers that are errors: RFC 9457, `application/problem+json`.

use crate::operations::PointCandidate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of problems.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Where a problem's page is: its `type`.
pub fn type_of(code: &str) -> String {
    format!("/api/problems/{code}")
}

/// An error (RFC 9457). Decide by `code`, which never changes its meaning; the words are for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Page of this kind of problem, on this server.
    #[serde(rename = "type")]
    #[schema(example = "/api/problems/not-found")]
    pub kind: String,
    /// What kind of problem it is, always the same for a code.
    #[schema(example = "There is no such thing, or not for this caller")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time.
    #[schema(example = "there is nothing of that id")]
    pub detail: String,
    /// The path that was asked.
    #[schema(example = "/api/users/01890a5d-ac96-774b-bcce-b302099a8057")]
    pub instance: String,
    /// Stable name of the kind.
    #[schema(example = "not-found")]
    pub code: String,
    /// The request, as in `X-Request-Id`, the logs and the audit log.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub request_id: String,
    /// What is wrong with the values sent, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// For `choose-point`: the points to choose from, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<PointCandidate>,
    /// Seconds after which the same request may succeed; absent if it will not without a change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// What to do next.
    #[schema(example = "check the id; lists show what there is for you")]
    pub remediation: String,
}

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// JSON pointer (RFC 6901) into the body; empty for the body as a whole.
    #[schema(example = "/schedule/time_zone")]
    pub pointer: String,
    /// Stable name of the kind of fault.
    #[schema(example = "invalid")]
    pub code: String,
    /// What is wrong.
    #[schema(example = "unknown time zone")]
    pub message: String,
}
