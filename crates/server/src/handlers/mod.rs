//! The handlers: a folder a noun, a file a verb.

pub mod auth;
pub mod checks;
pub mod configurations;
pub mod docs;
pub mod executions;
pub mod health;
pub mod metrics;
pub mod operations;
pub mod organisations;
pub mod points;
pub mod policies;
pub mod sources;
pub mod status;
pub mod system_config;
pub mod targets;
pub mod tokens;
pub mod users;
pub mod webhooks;
pub mod weddings;
