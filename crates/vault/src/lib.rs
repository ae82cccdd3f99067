//! The vault: an encrypted, deduplicating repository in restic's format, version 2, that stock restic opens, checks and
//! restores.
//!
//! Backups outlive the program that made them, so the format is one that other people's tools read. What differs from
//! restic is the engine (several cores a stream, bounded memory, cancellation) and a few fields that restic ignores: the
//! `keepsake` object in the configuration, and our words in the tags of a snapshot. `docs/format/vault.md` specifies it.
//!
//! Layers, lowest first: [`id`] and [`crypto`]; the pure codecs [`compress`], [`pack`], [`index`], [`tree`],
//! [`snapshot`], [`config`], [`keyfile`], [`lock`], none of which does I/O; [`vault`], which joins them to a store; and
//! the operations [`backup`], [`restore`], [`walk`] and [`check`], of which the first two share an [`engine`].
//!
//! It knows nothing of PostgreSQL, weddings or the catalog. Where a password comes from is `keepsake-keys`' affair.

pub mod backup;
pub mod blob;
pub mod check;
pub mod chunk;
pub mod compress;
pub mod config;
pub mod crypto;
pub mod engine;
pub mod error;
pub mod file;
pub mod id;
pub mod index;
pub mod json;
pub mod keyfile;
pub mod lock;
pub mod pack;
pub mod password;
pub mod polynomial;
pub mod restore;
pub mod snapshot;
pub mod time;
pub mod tree;
pub mod vault;
pub mod walk;

pub use error::{Error, Result};
pub use id::Id;
pub use password::Password;
pub use vault::Vault;
