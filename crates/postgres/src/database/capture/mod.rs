//! Capturing a whole database.

mod catalog;
mod definitions;
mod facts;
mod guide;
mod large_objects;
mod snapshot;
mod tables;
mod watch;
mod whole;

pub use whole::capture;
