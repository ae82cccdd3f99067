//! Keepsake vault.

pub mod chunk;
