//! The object-store port: one async trait over local disk, S3 and memory, and decorators that add retrying, limits,
//! metrics, prefixes and faults.
//!
//! Everything that Keepsake stores is written once under a name that nobody else uses, so the port offers a create-only
//! [`Store::put`] and no overwrite: a retry after a lost answer is safe, and a second writer is noticed. What a target
//! really enforces is probed (`probe`), never believed: several providers accept a conditional put and overwrite all the
//! same.
//!
//! It leaves encryption and formats to `keepsake-vault` and `keepsake-keys`; it never sees plaintext.

pub mod error;
pub mod key;
pub mod port;

pub use error::{Error, Result};
pub use key::Key;
pub use port::{Capabilities, DynStore, ObjectMeta, Payload, Store};
