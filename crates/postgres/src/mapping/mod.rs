//! What a wedding is in one source's schema: the root table and its columns, the tables it owns, in groups, each foreign
//! key as *owns* or *refers*, and the columns that name files. A TOML document that a person edits, stored in every capture.
//!
//! [`Mapping::parse`] reads it strictly, [`Mapping::to_toml`] writes it with comments, and [`Mapping::bind`] checks it
//! against a [`Schema`](crate::schema::Schema) and resolves it to a [`Bound`], the form that ownership, capture and restore
//! work with. Who wrote the mapping, a person or `inspect`, makes no difference here.

mod bind;
mod bind_edges;
mod bound;
mod check;
mod column;
mod model;
mod order;
mod parse;
mod place;
mod write;

pub use bind::bind_text;
pub use bound::{Bound, BoundEdge, BoundTable, KeySource, Link, Shared};
pub use column::{EdgeColumn, InvalidEdgeColumn};
pub use model::*;
pub use parse::Error;
pub use place::{Line, Mismatch, Place, Step};
pub use write::comment;
