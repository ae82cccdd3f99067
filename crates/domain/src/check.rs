//! Checks of recovery points: how closely, and where one is.

use crate::word::words;

words! {
    /// How closely a point is looked at. Ordered: a greater one includes those before it.
    Level {
        /// What it is made of is listed, and of the right size.
        Manifest = "manifest",
        /// The objects that it is in have the hashes that they are named by.
        Hashes = "hashes",
        /// Everything in it is decrypted and compared.
        ReadAll = "read_all",
        /// It is restored into a scratch database, read back and compared.
        ScratchRestore = "scratch_restore",
    }
}

words! {
    /// Where a check is.
    State {
        /// It waits for a worker.
        Initializing = "initializing",
        /// It is made.
        Verifying = "verifying",
        /// It was made; whether it passed is in its result.
        Completed = "completed",
        /// It could not be made.
        Failed = "failed",
        /// It was stopped.
        Cancelled = "cancelled",
    }
}
