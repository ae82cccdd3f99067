//! The variable parts of a path.

use crate::failure::Failure;
use axum::{extract::FromRequestParts, http::request::Parts};
use keepsake_app::{Code, Error};
use serde::de::DeserializeOwned;

/// The parts, parsed. What is no id is the id of nothing: 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::new(Code::NotFound, "there is nothing of that id").into()),
        }
    }
}
