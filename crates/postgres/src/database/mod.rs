//! Whole databases: captured as plain files from one snapshot beside a live application, restored into an empty database,
//! and compared table by table.
//!
//! [`capture`] writes the rows of every table as COPY text (large tables in pieces by place in the heap, several at a
//! time), the definitions as `pg_dump` writes them, sequences, large objects and the rows of extensions' configuration.
//! `pg_dump`'s own table of contents is the measure of what a database holds: what no file would carry is named and refused
//! (safety rule S12). [`restore`] creates the definitions with `pg_restore`, loads, compares every table's rows with the
//! hash taken at the capture, builds indexes and constraints, and says so in a [`Report`].
//!
//! The layout is specified in docs/format/capture-database.md. Roles belong to the cluster and not to the database: they are
//! carried as SQL (`globals.sql`) and never created by a restore. Where the files go is the caller's
//! [`Sink`](crate::capture::Sink).

mod capture;
mod error;
mod manifest;
mod options;
mod programs;
mod restore;
mod rows;
mod toc;

pub use capture::capture;
pub use error::{Error, Result};
pub use manifest::*;
pub use options::{Listener, MOST_JOBS, Options, Ownership, Phase, Progress, Uncarried};
pub use restore::{Report, TableProof, restore};
