//! Keepsake's own PostgreSQL: what the service knows, and who may see it.
//!
//! The database decides who sees which rows, not the code above it: tenant tables carry row-level security that holds for
//! their owner, too, and the service connects as roles that own nothing. A transaction is opened in one place
//! ([`Catalog::begin`]), always in a [`Scope`]; without one it sees no rows. The queue has a role of its own that may claim,
//! lease and reap jobs and sees nothing else (`queue`).
//!
//! A file for each noun, with the statements about it. Statements are checked against the migrated schema when they are
//! compiled; what the checks need is committed in `.sqlx` (`script/prepare-queries` renews it). This is the only crate that
//! names sqlx. It leaves rules to `keepsake-domain`, sealing of secrets to `keepsake-keys`, and use cases to `keepsake-app`.

pub mod api_tokens;
pub mod audit;
pub mod checks;
pub mod configurations;
mod connect;
pub mod contacts;
pub mod credentials;
mod error;
pub mod executions;
pub mod expiry;
pub mod idempotency;
mod lead;
pub mod login_failures;
pub mod mails;
pub mod members;
mod migrate;
pub mod notifications;
pub mod operations;
pub mod organisations;
mod page;
pub mod points;
pub mod policies;
mod process;
pub mod queue;
mod scope;
pub mod sessions;
pub mod settings;
pub mod sources;
pub mod status;
pub mod system_config;
pub mod targets;
mod tx;
pub mod users;
pub mod webhooks;
pub mod weddings;

pub use connect::{Catalog, Settings};
pub use error::{Error, Result};
pub use lead::Leadership;
pub use page::{Cursor, Page};
pub use scope::{Actor, Role, Scope};
pub use tx::Tx;
