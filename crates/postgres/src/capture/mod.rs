//! A wedding, or a whole database, as plain files taken from one snapshot.
//!
//! The layout is specified in docs/format/capture.md; [`Manifest`] is its index. Captures are written into a [`Sink`] and
//! read back from a [`Source`], so that this crate needs no vault.

mod activity;
mod describe;
mod documents;
mod error;
mod explain;
mod facts;
mod file_store;
mod files;
mod find;
mod hash;
mod ids;
mod line;
mod manifest;
mod names;
mod port;
mod read;
mod references;
mod roots;
mod scan;
mod weddings;

pub use activity::{COUNTED_AFTER, activity};
pub use error::Error;
pub use file_store::{Directories, FileMeta, FileStore, OpenFile};
pub use find::find;
pub use hash::{RowHasher, scope_hash};
pub use manifest::*;
pub use names::{file_path, references_path, rows_path};
pub use port::*;
pub use roots::{Root, Roots, roots};
pub use weddings::{Captured, Options, Progress, Request, WEDDINGS_MAX, weddings};

/// The result of a capture.
pub type Result<T, E = Error> = std::result::Result<T, E>;
