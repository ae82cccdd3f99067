//! The record of acts: rows that are added and never changed, the order in which they stand in a Merkle tree, and the signed
//! checkpoints of that tree.
//!
//! Whoever adds a row waits for nobody. A trigger notes in the same transaction that the row is to be sequenced, and one
//! sequencer at a time ([`lead`]) gives each its place: the order of the tree is that of sequencing, not of time. What is hashed
//! is one canonical text a row ([`Row::leaf`]). Hashing, signing and judging are left to `keepsake-app`.

mod checkpoints;
mod leaf;
mod record;
mod tree;

pub use checkpoints::{Checkpoint, add_checkpoint, checkpoints, newest_checkpoint};
pub use leaf::Row;
pub use record::{Entry, Recorded, Stage, list, record};
pub use tree::{
    Leaf, Logged, Missing, Pending, Sequenced, append, lead, leaf_hashes, missing, pending, place, sequenced, size,
    vanished, waiting, waits,
};
