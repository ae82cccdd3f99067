//! What a database says of itself: tables, keys, columns and everything else that capture and restore must respect.

mod model;

pub use model::*;
