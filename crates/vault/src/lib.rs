//! Keepsake vault.

pub mod chunk;
pub mod engine;
