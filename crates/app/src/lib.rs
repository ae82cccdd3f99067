//! The use cases of Keepsake: what a person or a scheduler asks for, as functions over vaults, keys and databases.
//!
//! A folder for a noun, a file for a verb. Each use case takes a [`Context`], puts its intent on record, does its work,
//! and puts the outcome on record. It joins what the lower crates know: `keepsake-postgres` captures into a sink,
//! `keepsake-vault` stores files, `keepsake-keys` wraps secrets; only here do they meet. It leaves argument parsing,
//! terminals and printing to the binary.

pub mod audit;
pub mod backup;
mod bridge;
pub mod check;
pub mod configuration;
pub mod context;
pub mod doctor;
pub mod error;
pub mod execution;
pub mod export;
pub mod file_stores;
pub mod home;
pub mod idempotency;
pub mod identity;
pub mod install;
pub mod issue;
pub mod journal;
pub mod mapping;
pub mod notification;
pub mod operation;
pub mod organisation;
pub mod points;
pub mod policy;
pub mod recovery;
pub mod recovery_point;
pub mod scheduler;
pub mod service;
pub mod source;
pub mod status;
pub mod storage;
pub mod system_config;
pub mod target;
pub mod vaults;
pub mod verify;
pub mod webhook;
pub mod wedding;
pub mod worker;

pub use context::Context;
pub use error::{Class, Code, Error, Result};
pub use home::Home;
pub use issue::Issue;
pub use storage::Storage;
