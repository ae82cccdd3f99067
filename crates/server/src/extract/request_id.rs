//! The request's id.

use crate::failure::{Failure, Protocol};
use axum::{extract::FromRequestParts, http::request::Parts};
use keepsake_domain::RequestId;

/// The id that [`crate::middleware::request`] gave.
#[derive(Debug, Clone, Copy)]
pub struct Request(pub RequestId);

impl<S: Sync> FromRequestParts<S> for Request {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts.extensions.get().copied().map(Self).ok_or_else(|| Failure::protocol(Protocol::Internal))
    }
}
