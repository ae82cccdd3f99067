//! The port itself.

use crate::{Key, Result};
use bytes::Bytes;
use futures::stream::BoxStream;
use jiff::Timestamp;
use std::{ops::Range, sync::Arc};

/// The longest object that [`Store::get`] reads into memory: several times the longest pack (128 MiB). Longer ones are
/// read in ranges or as a stream.
pub const WHOLE_OBJECT_MAX_BYTES: u64 = 1 << 30;

/// The length of `range`, refused if it runs backwards (ranges come from index files, which may be damaged).
pub(crate) fn range_len(key: &Key, range: &Range<u64>) -> Result<u64> {
    range.end.checked_sub(range.start).ok_or_else(|| crate::Error::Invalid {
        reason: format!("the range {}..{} of {key} runs backwards", range.start, range.end),
    })
}

/// The bytes of an object to be written: pieces in order, so that a pack is never copied together.
#[derive(Debug, Clone, Default)]
pub struct Payload(Vec<Bytes>);

impl Payload {
    /// Total length.
    pub fn len_bytes(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    /// The pieces in order.
    pub fn pieces(&self) -> &[Bytes] {
        &self.0
    }

    /// The pieces in order, by value.
    pub fn into_pieces(self) -> Vec<Bytes> {
        self.0
    }
}

impl From<Vec<Bytes>> for Payload {
    fn from(pieces: Vec<Bytes>) -> Self {
        Self(pieces)
    }
}

impl From<Bytes> for Payload {
    fn from(piece: Bytes) -> Self {
        Self(vec![piece])
    }
}

impl From<Vec<u8>> for Payload {
    fn from(bytes: Vec<u8>) -> Self {
        Self(vec![Bytes::from(bytes)])
    }
}

/// What a listing or `head` says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its name, relative to the store.
    pub key: Key,
    /// Its length.
    pub size_bytes: u64,
    /// When the store says it was last written.
    pub modified: Timestamp,
    /// The store's entity tag, where it has one.
    pub etag: Option<String>,
    /// The store's version id, where versioning is on.
    pub version: Option<String>,
}

/// What a target really does, as found by `probe`, not as documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    /// A second create-only put of one name is refused and the first object stays.
    pub conditional_create: bool,
    /// Object Lock retention can be set on the bucket's objects.
    pub object_lock: bool,
    /// Storage classes are accepted.
    pub storage_class: bool,
    /// Deleted and overwritten objects stay as versions.
    pub versioning: bool,
}

/// What only the backend itself can tell of its target; the rest of [`Capabilities`] shows in its behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// See [`Capabilities::object_lock`].
    pub object_lock: bool,
    /// See [`Capabilities::storage_class`].
    pub storage_class: bool,
    /// See [`Capabilities::versioning`].
    pub versioning: bool,
}

/// One place that holds objects. Implementations are cheap to share behind [`Arc`].
///
/// Every call may be dropped at any time: a dropped put has either created the whole object or nothing under its name.
#[async_trait::async_trait]
pub trait Store: Send + Sync + std::fmt::Debug + 'static {
    /// Where this is, for messages: a URL without credentials.
    fn location(&self) -> String;

    /// Creates `key` with `payload`; durable when it returns.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`](crate::Error::AlreadyExists) if the name is taken (on stores that enforce it), else by cause.
    async fn put(&self, key: &Key, payload: Payload) -> Result<()>;

    /// The whole object, up to [`WHOLE_OBJECT_MAX_BYTES`].
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if there is none, [`Error::TooLarge`](crate::Error::TooLarge).
    async fn get(&self, key: &Key) -> Result<Bytes>;

    /// Exactly the bytes of `range`; fewer is an error, never a short answer.
    ///
    /// # Errors
    /// [`Error::ShortRead`](crate::Error::ShortRead) if the object is shorter than `range.end`.
    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes>;

    /// The object as a stream of pieces, with what the store says of it at the moment of opening.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if there is none; a cut stream ends with an error item.
    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)>;

    /// What the store says of one object.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) if there is none.
    async fn head(&self, key: &Key) -> Result<ObjectMeta>;

    /// Every object below `prefix` (all if `None`), in no particular order. Unfinished writes are not listed.
    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>>;

    /// The names of the "folders" right below `prefix`, without descending: one path segment each, without `prefix`.
    /// Some services still name a folder for a while after its last object was deleted.
    ///
    /// # Errors
    /// By cause.
    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>>;

    /// Removes an object; it is no error if there is none.
    ///
    /// # Errors
    /// By cause.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// What the backend's own settings are. May create and remove `scratch`, a name that nobody else uses, and removes
    /// every version of it that it can. Decorators pass the question on.
    ///
    /// # Errors
    /// By cause; what a target does not know at all is a feature that it lacks, not an error.
    async fn features(&self, scratch: &Key) -> Result<Features> {
        let _backends_without_such_settings = scratch;
        Ok(Features::default())
    }
}

/// A shared store.
pub type DynStore = Arc<dyn Store>;
