//! What a wedding is in one source's schema: the root table and its columns, the tables it owns, in groups, each foreign
//! key as *owns* or *refers*, and the columns that name files. A TOML document that a person edits, stored in every capture.

mod model;

pub use model::*;
