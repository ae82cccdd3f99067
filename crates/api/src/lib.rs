//! What the HTTP API takes and gives: a module a noun, with the bodies of its requests and answers, and [`Problem`] for
//! every answer that is an error.
//!
//! Shared by the server, programs that call it, and tests, so that they cannot differ. Field names are `snake_case`, times
//! RFC 3339 in UTC, sizes and counts integers, quantities named with their unit. It knows nothing of HTTP libraries and of
//! what the service does with a request; names of schemas are unique over the crate, because OpenAPI has one list of them.

pub mod auth;
pub mod checks;
pub mod configurations;
pub mod contacts;
pub mod executions;
pub mod health;
pub mod operations;
pub mod organisations;
pub mod page;
pub mod points;
pub mod policies;
pub mod problem;
mod secret;
pub mod sources;
pub mod status;
pub mod system_config;
pub mod targets;
pub mod tokens;
pub mod users;
pub mod webhooks;
pub mod weddings;

pub use problem::{Fault, Problem};
pub use secret::Secret;
