//! The object-store port: one async trait over local disk, S3 and memory, and decorators that add retrying, limits,
//! metrics, prefixes and faults.
//!
//! Everything that Keepsake stores is written once under a name that nobody else uses, so the port offers a create-only
//! [`Store::put`] and no overwrite: a retry after a lost answer is safe, and a second writer is noticed. What a target
//! really enforces is probed ([`probe()`]), never believed: several providers accept a conditional put and overwrite all
//! the same.
//!
//! [`open()`] makes a store from a URL; the pieces below it are for those who build one otherwise, mostly tests.
//! It leaves encryption and formats to `keepsake-vault` and `keepsake-keys`; it never sees plaintext.

mod environment;
pub mod error;
pub mod key;
mod local;
pub mod location;
mod memory;
mod open;
mod operation;
pub mod port;
mod probe;
mod s3;

mod decorate;
pub use decorate::{fault, limit, lying, metrics, prefix, retry};

pub use environment::Environment;
pub use error::{Error, Result};
pub use key::Key;
pub use local::Local;
pub use location::{Location, S3Location};
pub use memory::Memory;
pub use open::{Options, open, open_location};
pub use operation::Operation;
pub use port::{Capabilities, DynStore, Features, ObjectMeta, Payload, Store, WHOLE_OBJECT_MAX_BYTES};
pub use probe::probe;
pub use s3::{Bucket, BucketObject, OpenObject};
