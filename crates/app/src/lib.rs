//! Keepsake app.
