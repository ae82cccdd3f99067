//! Which blob lies in which pack: the index files' codec, and the index in memory.

mod file;
mod memory;

pub use file::{File, PackBlobs};
pub use memory::{Index, Location, Shared};
