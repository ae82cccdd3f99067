//! Checks of recovery points that are asked for: from a look at what is there to a rehearsed restore with a measured time.
//!
//! Asking writes the check and its job in one transaction; [`crate::worker`] makes it. A check that finds something wrong is completed
//! and has not passed; one that could not be made has failed, and nothing is known.

mod scratch;
mod start;

pub(crate) use scratch::Scratch;
pub(crate) use start::{Wanted, put};
pub use start::{get, start};
