//! What a database says of itself: tables, keys, columns and everything else that capture and restore must respect.
//!
//! [`read`] fills [`Schema`] from `pg_catalog` alone, by a fixed number of set-based queries, so that a thousand tables
//! cost as many round trips as one. It needs no rights on the tables themselves. Judging what the tables mean is left
//! to `inspect` and `mapping`.

mod model;
mod queries;
mod read;
mod types;

pub use model::*;
pub use read::{Error, read};
pub use types::{Comparison, comparison};
