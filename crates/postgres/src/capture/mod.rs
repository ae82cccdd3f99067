//! A wedding, or a whole database, as plain files taken from one snapshot.
//!
//! The layout is specified in docs/format/capture.md; [`Manifest`] is its index. Captures are written into a [`Sink`] and
//! read back from a [`Source`], so that this crate needs no vault.

mod manifest;
mod port;

pub use manifest::*;
pub use port::*;
