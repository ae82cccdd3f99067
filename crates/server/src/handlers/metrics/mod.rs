//! What is counted.

pub mod read;
