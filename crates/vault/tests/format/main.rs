//! The format half of the vault, through its public interface: life of a vault, check, broken fixtures, and stock restic
//! as the judge of everything written.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod broken;
mod check;
mod fixtures;
mod interop;
mod interop_engine;
mod lifecycle;
mod locks;
mod sample;
