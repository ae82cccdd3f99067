//! Tiers of storage (product.md, words).

use crate::word::words;

words! {
    /// Where a copy of a vault lies, in the order in which copies are made.
    Tier {
        /// A disk nearby.
        Local = "local",
        /// An object store.
        CloudPrimary = "cloud_primary",
        /// Another, in another region.
        CloudSecondary = "cloud_secondary",
        /// The archive.
        Offsite = "offsite",
    }
}
