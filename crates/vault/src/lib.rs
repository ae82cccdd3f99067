//! Keepsake vault.
