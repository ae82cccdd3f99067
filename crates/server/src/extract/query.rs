//! The parameters of a query.

use crate::failure::Failure;
use axum::{extract::FromRequestParts, http::request::Parts};
use keepsake_api::Fault;
use serde::de::DeserializeOwned;

/// The parameters, parsed.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let source =
                    std::error::Error::source(&rejection).map_or_else(|| rejection.to_string(), ToString::to_string);
                let fault = Fault { pointer: String::new(), code: "invalid".to_owned(), message: source };
                Err(Failure::invalid("a parameter of the query cannot be used", vec![fault]))
            }
        }
    }
}
