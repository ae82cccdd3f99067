//! What can go wrong with a store, sorted by what the caller can do about it.

use crate::Key;

/// Result of a store operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed store operation. No variant carries credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such object.
    #[error("object {key} does not exist")]
    NotFound {
        /// The object asked for.
        key: String,
    },
    /// A create-only put met an object of that name. After a time-out this may be our own earlier try.
    #[error("object {key} exists already")]
    AlreadyExists {
        /// The object that was to be created.
        key: String,
    },
    /// The credentials are missing, wrong, or may not do this.
    #[error("the store refused access to {key}: check credentials and permissions")]
    AccessDenied {
        /// The object or prefix.
        key: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The disk or quota is full.
    #[error("no space is left in the store for {key}")]
    NoSpace {
        /// The object that was to be written.
        key: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Fewer or other bytes than asked for came back.
    #[error("object {key} returned {got} bytes where {expected} were expected")]
    ShortRead {
        /// The object read.
        key: String,
        /// Bytes that came.
        got: u64,
        /// Bytes that should have come.
        expected: u64,
    },
    /// The object is too long to be held in memory whole.
    #[error("object {key} has {size_bytes} bytes, too many to be read at once: read it in ranges or as a stream")]
    TooLarge {
        /// The object read.
        key: String,
        /// Its length.
        size_bytes: u64,
    },
    /// Network trouble, a time-out, a busy server: trying again may help.
    #[error("the store failed for {key}")]
    Transient {
        /// The object or prefix.
        key: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The storage URL or its settings cannot be used.
    #[error("invalid storage setting: {reason}")]
    Invalid {
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// Anything else; trying again will not help.
    #[error("the store failed for {key}")]
    Permanent {
        /// The object or prefix.
        key: String,
        /// What the store said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Whether the same call may succeed if it is made again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. } | Self::ShortRead { .. })
    }

    /// Whether the object is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// The error for a missing object.
    pub fn not_found(key: &Key) -> Self {
        Self::NotFound { key: key.to_string() }
    }

    /// The error for an object that exists already.
    pub fn already_exists(key: &Key) -> Self {
        Self::AlreadyExists { key: key.to_string() }
    }
}
