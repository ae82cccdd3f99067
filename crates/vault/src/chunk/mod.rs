//! Cutting byte streams into chunks, so that equal content is stored once.
//!
//! Content-defined cut points ([`Cutter::content`]) move with the content: an insertion near the start of a file changes
//! one chunk, not all of them. Fixed chunks ([`Cutter::fixed`]) suit files that change in place, such as database pages.
//!
//! The algorithm is FastCDC with normalised chunking, written down here as `fastcdc-1`: what a vault's chunks are cut
//! with never changes within a version, since a change would end deduplication against what is stored. Any reader can
//! read any cut: boundaries are no part of the repository format.
//!
//! The gear table is derived from a random seed in the vault's encrypted configuration (safety rule S17): with a public
//! table, chunk lengths alone tell somebody who holds only the encrypted vault whether it holds a known file. A secret
//! table makes that harder; it is not claimed to be sound, see <https://eprint.iacr.org/2025/558>.

mod cutter;
mod gear;

pub use cutter::{Cutter, InvalidSizes, Sizes};
pub use gear::{Gear, InvalidSeed};

/// Name and version of the content-defined algorithm, as the vault's configuration records it.
pub const ALGORITHM: &str = "fastcdc-1";
