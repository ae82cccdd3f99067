//! How it stands.

pub mod read;
