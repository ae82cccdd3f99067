//! Restoring a whole database into an empty one.

mod definitions;
mod finish;
mod large_objects;
mod report;
mod source;
mod tables;
mod target;
mod whole;

pub use report::{Report, TableProof};
pub use whole::restore;
