//! What can go wrong with a vault.

use crate::{compress, crypto, file, id::Id, json::JsonError, keyfile, pack, tree};

/// Result of a vault operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed vault operation. No variant carries content, passwords or keys; paths inside snapshots appear only where a
/// caller asked for a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller's token was cancelled. Nothing is left half done: files appear whole or not at all.
    #[error("cancelled")]
    Cancelled,
    /// The store failed.
    #[error("the vault's storage failed")]
    Store(#[from] keepsake_store::Error),
    /// There is no vault here.
    #[error("there is no vault at {location}: check the storage URL, or create one")]
    NoVault {
        /// The store's location.
        location: String,
    },
    /// There is one already.
    #[error("there is a vault at {location} already: open it instead of creating another")]
    AlreadyExists {
        /// The store's location.
        location: String,
    },
    /// No key file opens with this password.
    #[error("none of the {tried} key files at {location} opens with this password: is it this vault's secret?")]
    WrongKey {
        /// The store's location.
        location: String,
        /// How many key files were tried.
        tried: usize,
    },
    /// A format version that this program does not know.
    #[error("the vault has format version {version}; this program reads 1 and 2: use a newer program")]
    Version {
        /// The version in the configuration.
        version: u32,
    },
    /// Writing into a repository of version 1, which has no compression, is not offered.
    #[error("the vault has restic format version 1 and can only be read: run `restic migrate upgrade_repo_v2` first")]
    ReadOnlyVersion,
    /// A file is not what it should be.
    #[error("{kind} {name} is damaged: run `keepsake verify --level all`, and heal it from another copy")]
    Damaged {
        /// Which kind of file.
        kind: file::Kind,
        /// Its id, or `config`.
        name: String,
        /// What is wrong.
        #[source]
        source: Damage,
    },
    /// A blob is not what the index says.
    #[error("blob {id} in pack {pack} is damaged: heal the pack from another copy")]
    DamagedBlob {
        /// The blob.
        id: Id,
        /// The pack it was read from.
        pack: Id,
        /// What is wrong.
        #[source]
        source: Damage,
    },
    /// A blob that is needed is in no index file.
    #[error("{kind} blob {id} is in no index file: run `keepsake verify` to see which points need it")]
    MissingBlob {
        /// Tree or data.
        kind: pack::Kind,
        /// The blob.
        id: Id,
    },
    /// A tree nests deeper than any that can be restored.
    #[error("the folders of the snapshot nest deeper than {limit}: the snapshot is damaged or hostile")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// No snapshot of that id, or several whose ids start so.
    #[error("no single snapshot is named by `{text}`: give more digits of its id")]
    NoSnapshot {
        /// What was asked for.
        text: String,
    },
    /// Another program holds a lock that excludes this work.
    #[error(
        "a lock of {holder} excludes this work: wait until it is done, or run `restic unlock` if it is not running any more"
    )]
    Locked {
        /// User, host and process of the lock.
        holder: String,
    },
    /// What was just written does not read back as it was written (safety rule S15).
    #[error(
        "{what} was written to {location} but does not read back: the storage loses or changes data, do not use it"
    )]
    NotReadBack {
        /// Which object.
        what: &'static str,
        /// The store's location.
        location: String,
    },
    /// A file that a backup wrote is not in the store as it was written, so the backup made no snapshot.
    #[error(
        "{kind} {id} was written just now and is not at {location} as it was written: the storage loses or changes data; \
         no point was made, and `keepsake verify --level all` says whether older ones are touched"
    )]
    NotKept {
        /// Which kind of file.
        kind: file::Kind,
        /// Its name.
        id: Id,
        /// The store's location.
        location: String,
        /// What is wrong with it.
        #[source]
        source: Damage,
    },
    /// A piece of work ended without an answer; a defect of this program.
    #[error("a part of the work ended without a result; this is a bug, please report it")]
    Lost,
    /// A background task died; a defect of this program.
    #[error("a background task of the vault failed")]
    Task(#[from] tokio::task::JoinError),
    /// Sealing failed.
    #[error("nothing can be encrypted")]
    Seal(#[from] crypto::SealError),
    /// A pack or its header would be larger than the format allows.
    #[error("the pack cannot be built")]
    Pack(#[from] pack::LimitError),
    /// A tree cannot be written.
    #[error("the folder cannot be stored")]
    Tree(#[from] tree::OrderError),
    /// Compressing failed.
    #[error("nothing can be compressed")]
    Compress(#[source] compress::Error),
    /// A key file cannot be made.
    #[error("the key file cannot be made")]
    KeyFile(#[source] keyfile::Error),
}

impl Error {
    pub(crate) fn damaged(kind: file::Kind, id: &Id, source: impl Into<Damage>) -> Self {
        Self::Damaged { kind, name: id.to_string(), source: source.into() }
    }

    /// Whether the caller asked to stop.
    pub const fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

/// What is wrong with a stored file or blob.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// There is no such file.
    #[error("it is not there")]
    Absent,
    /// The stored bytes are not those that the name promises.
    #[error("its name promises other bytes than it has (SHA-256 {actual})")]
    Name {
        /// The digest of the bytes that are there.
        actual: Id,
    },
    /// The plaintext of a blob is not the one that its id promises.
    #[error("its plaintext has another SHA-256 ({actual})")]
    Content {
        /// The digest of the plaintext.
        actual: Id,
    },
    /// The plaintext has another length than promised.
    #[error("its plaintext has {actual_bytes} bytes where {expected_bytes} were promised")]
    Length {
        /// Bytes there are.
        actual_bytes: u64,
        /// Bytes there should be.
        expected_bytes: u64,
    },
    /// It does not decrypt.
    #[error("it does not decrypt")]
    Open(#[from] crypto::OpenError),
    /// It does not inflate.
    #[error("it does not decompress")]
    Compress(#[from] compress::Error),
    /// A pack's header is wrong.
    #[error("its header is wrong")]
    Header(#[from] pack::HeaderError),
    /// A tree is wrong.
    #[error("it is no folder listing")]
    Tree(#[from] tree::ParseError),
    /// A JSON document is wrong. The message is built without content.
    #[error("it is no such document: {0}")]
    Json(#[from] JsonError),
    /// A key file is wrong.
    #[error("it is no key file")]
    KeyFile(#[from] keyfile::Error),
    /// It ends early.
    #[error("it has {actual_bytes} bytes where {expected_bytes} were expected")]
    Truncated {
        /// Bytes there are.
        actual_bytes: u64,
        /// Bytes there should be.
        expected_bytes: u64,
    },
}
