//! Keepsake keys.
