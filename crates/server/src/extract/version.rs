//! Versions of things that people change: an `ETag` goes out, and comes back as `If-Match`.

use crate::failure::{Failure, Protocol};
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, header, request::Parts},
};
use keepsake_app::{Code, Error};

/// The version that a change was decided on. Absent it is 428; what no `ETag` of ours looks like matches nothing, so 412.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let header = parts.headers.get(header::IF_MATCH);
        let header = header.ok_or_else(|| {
            Failure::protocol(Protocol::PreconditionRequired).detail("send the ETag of what you read as If-Match")
        })?;
        let stale = || Error::new(Code::Stale, "If-Match is no ETag of this: send the one of what you read, alone");
        header.to_str().ok().and_then(parse).map(Self).ok_or_else(|| stale().into())
    }
}

/// The `ETag` of a version.
pub fn etag(version: i64) -> [(HeaderName, String); 1] {
    [(header::ETAG, format!("\"{version}\""))]
}

fn parse(tag: &str) -> Option<i64> {
    let digits = tag.trim().strip_prefix('"')?.strip_suffix('"')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_tag_as_it_was_given_names_a_version() {
        let [(_, tag)] = etag(7);
        assert_eq!(parse(&tag), Some(7));
        for other in ["7", "W/\"7\"", "*", "\"\"", "\"-7\"", "\"+7\"", "\"7\", \"8\"", "\"99999999999999999999\""] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
