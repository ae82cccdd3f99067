//! The handlers: a folder a noun, a file a verb.

pub mod docs;
pub mod health;
