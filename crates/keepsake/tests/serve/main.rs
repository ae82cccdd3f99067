//! The service through its front door: the real program, a real PostgreSQL, requests by curl.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and prints how long a start took"
)]

#[path = "../world/mod.rs"]
mod world;

mod catalog;
mod conventions;
mod guide;
mod process;
mod service;
mod tls;
