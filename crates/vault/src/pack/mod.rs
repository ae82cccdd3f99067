//! Packs: files that hold many blobs.
//!
//! A pack is its blobs one after the other, each sealed for itself, then a sealed header that lists them, then the
//! header's length. restic demands that the file has exactly that size: no padding, no unlisted bytes.

mod builder;
mod header;

pub use builder::{Builder, Finished};
pub use header::{HeaderError, MAX_HEADER_BYTES, TRAILER_BYTES, decode, encode, entry_bytes, open, size_bytes};

use crate::id::Id;
use serde::{Deserialize, Serialize};
use std::{fmt, num::NonZeroU32};

/// Largest pack that Keepsake writes; stores attest a SHA-256 of single-part uploads only (safety rule S27).
pub const MAX_PACK_BYTES: u64 = 128 * 1024 * 1024;

/// What a blob holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A piece of a file.
    Data,
    /// The listing of a folder.
    Tree,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Tree => "tree",
        })
    }
}

/// One blob in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// SHA-256 of its plaintext.
    pub id: Id,
    /// What it holds.
    pub kind: Kind,
    /// Where it begins in the pack, in bytes.
    pub offset: u32,
    /// Length as stored: sealed, and compressed if it is.
    pub length: u32,
    /// Length of the plaintext if it is compressed; `None` if it is stored as it is.
    pub uncompressed_length: Option<NonZeroU32>,
}

impl Entry {
    /// Length of the plaintext, in bytes.
    pub fn plaintext_bytes(&self) -> u32 {
        let overhead = u32::try_from(crate::crypto::OVERHEAD_BYTES).unwrap_or(u32::MAX);
        self.uncompressed_length.map_or_else(|| self.length.saturating_sub(overhead), NonZeroU32::get)
    }

    /// The bytes of the pack that hold it.
    pub fn range(&self) -> std::ops::Range<u64> {
        u64::from(self.offset)..u64::from(self.offset) + u64::from(self.length)
    }
}

/// A pack that would be larger than the format allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pack would have {size_bytes} bytes or a header of {header_bytes}: at most 4 GiB and 16 MiB are possible")]
pub struct LimitError {
    pub(crate) size_bytes: u64,
    pub(crate) header_bytes: u64,
}
