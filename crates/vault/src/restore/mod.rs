//! Reading a snapshot back: to a folder, or one file as a stream.
//!
//! ```text
//! folder listings ─ plan ─ what is there already? ─ blobs by pack ─ coalesced range reads ─ CPU: open, verify ─ write
//!                                                                                      temporary name ─ final name
//! ```
//!
//! Every blob is proven to be what its id promises before a byte of it is written, a file has its final name only when
//! it is whole, and no name in a snapshot can lead outside the target folder. What concerns one file, such as a damaged
//! blob, fails that file and is reported; the others are restored. What a killed restore left half-written is removed by
//! the next one that comes into the folder.
//!
//! It leaves to others which snapshot is restored and where to, and everything about databases.

mod error;
mod existing;
mod fetch;
mod finish;
mod leftovers;
mod output;
mod plan;
mod read;
mod report;
mod run;
mod schedule;
mod target;

pub use error::{Error, Result};
pub use report::{Failure, FileResult, Outcome, Report};
pub use run::RestoreOptions;

pub(crate) use fetch::open_blob;
pub(crate) use schedule::{Read, split};
