//! Reading files and blobs of a vault, each proven to be what its name promises.

use super::{Indexed, Vault, cancellable};
use crate::{
    blob,
    compress::{self, Decompressor},
    crypto::OVERHEAD_BYTES,
    error::{Damage, Error, Result},
    file,
    id::Id,
    index::Location,
    pack::{self, TRAILER_BYTES},
    snapshot::Snapshot,
    tree::Tree,
};
use bytes::Bytes;
use futures::StreamExt as _;
use keepsake_store::DynStore;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How much of a pack's end is fetched at first: the header of some 380 blobs.
const EAGER_TAIL_BYTES: u64 = 16 * 1024;
/// Blobs above this are opened off the async threads.
const INLINE_BLOB_BYTES: u32 = 64 * 1024;

impl<S> Vault<S> {
    /// The JSON in a sealed file. Its stored bytes are compared with its name first.
    ///
    /// # Errors
    /// [`Error::Damaged`] if it is not what its name promises, or does not open; [`Error::Store`].
    pub async fn read_document(&self, kind: file::Kind, id: &Id) -> Result<Vec<u8>> {
        let sealed = get_bounded(self.store(), &kind.key(id), compress::MAX_DOCUMENT_BYTES).await?;
        let (inner, id) = (Arc::clone(&self.inner), *id);
        let opened = tokio::task::spawn_blocking(move || {
            let actual = Id::of(&sealed);
            if actual != id {
                return Err(Damage::Name { actual });
            }
            Ok(compress::decode_document(inner.key.open(&sealed)?)?)
        });
        opened.await?.map_err(|damage| Error::damaged(kind, &id, damage))
    }

    /// One snapshot.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Store`], [`Error::Cancelled`].
    pub async fn snapshot(&self, id: &Id, cancel: &CancellationToken) -> Result<Snapshot> {
        let json = cancellable(cancel, self.read_document(file::Kind::Snapshot, id)).await?;
        Snapshot::parse(&json).map_err(|error| Error::damaged(file::Kind::Snapshot, id, error))
    }

    /// The blobs that a pack of `size_bytes` lists at its end.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the end is no header of it; [`Error::Store`].
    pub async fn read_pack_header(&self, id: &Id, size_bytes: u64) -> Result<Vec<pack::Entry>> {
        let key = file::Kind::Pack.key(id);
        let mut wanted = EAGER_TAIL_BYTES.min(size_bytes);
        // Twice at most: the first answer says how much the second needs.
        for _ in 0..2 {
            let tail = self.store().get_range(&key, size_bytes - wanted..size_bytes).await?;
            match pack::open(&tail, size_bytes, self.key()) {
                Ok(Ok(entries)) => return Ok(entries),
                Ok(Err(needed)) => wanted = needed,
                Err(error) => return Err(Error::damaged(file::Kind::Pack, id, error)),
            }
        }
        let expected_bytes = OVERHEAD_BYTES as u64 + TRAILER_BYTES;
        Err(Error::damaged(file::Kind::Pack, id, Damage::Truncated { actual_bytes: size_bytes, expected_bytes }))
    }

    /// The plaintext of the blob at `location`, proven to be the one that its id promises.
    ///
    /// # Errors
    /// [`Error::DamagedBlob`], [`Error::Store`].
    pub async fn read_blob_at(&self, location: &Location) -> Result<Vec<u8>> {
        let Location { pack, entry } = *location;
        let sealed = self.store().get_range(&file::Kind::Pack.key(&pack), entry.range()).await?;
        let inner = Arc::clone(&self.inner);
        let open = move || {
            let (mut sealed, mut scratch) = (Vec::from(sealed), Vec::new());
            let plaintext = blob::open(&inner.key, &entry, &mut sealed, &mut Decompressor::new()?, &mut scratch)?;
            Ok::<_, Damage>(plaintext.to_vec())
        };
        let opened = if entry.length.max(entry.plaintext_bytes()) > INLINE_BLOB_BYTES {
            tokio::task::spawn_blocking(open).await?
        } else {
            open()
        };
        opened.map_err(|source| Error::DamagedBlob { id: entry.id, pack, source })
    }
}

impl Vault<Indexed> {
    /// The plaintext of a blob. Where it lies in several packs, each is tried until one is whole.
    ///
    /// # Errors
    /// [`Error::MissingBlob`] if no index file knows it; else what reading the last of its places gave;
    /// [`Error::Cancelled`].
    pub async fn read_blob(&self, kind: pack::Kind, id: &Id, cancel: &CancellationToken) -> Result<Vec<u8>> {
        let places = self.index().read(|index| index.lookup_all(kind, id));
        let mut last = Error::MissingBlob { kind, id: *id };
        for place in places {
            match cancellable(cancel, self.read_blob_at(&place)).await {
                Ok(plaintext) => return Ok(plaintext),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The listing of a folder.
    ///
    /// # Errors
    /// As [`Self::read_blob`], and [`Error::DamagedBlob`] if the blob is no tree.
    pub async fn read_tree(&self, id: &Id, cancel: &CancellationToken) -> Result<Tree> {
        let json = self.read_blob(pack::Kind::Tree, id, cancel).await?;
        Tree::parse(&json).map_err(|error| {
            let pack = self.index().lookup(pack::Kind::Tree, id).map_or(*id, |place| place.pack);
            Error::DamagedBlob { id: *id, pack, source: error.into() }
        })
    }
}

/// A whole object, if it has at most `limit_bytes`.
pub(super) async fn get_bounded(store: &DynStore, key: &keepsake_store::Key, limit_bytes: u64) -> Result<Bytes> {
    let (meta, mut pieces) = store.get_stream(key).await?;
    let too_large = |actual_bytes| {
        let (kind, id) = file::Kind::of(key).unwrap_or((file::Kind::Config, None));
        let name = id.map_or_else(|| kind.folder().to_owned(), |id| id.to_string());
        Error::Damaged { kind, name, source: Damage::Length { actual_bytes, expected_bytes: limit_bytes } }
    };
    if meta.size_bytes > limit_bytes {
        return Err(too_large(meta.size_bytes));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size_bytes).unwrap_or(0));
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece?);
        if bytes.len() as u64 > limit_bytes {
            return Err(too_large(bytes.len() as u64));
        }
    }
    Ok(bytes.into())
}
