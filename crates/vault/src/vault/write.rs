//! Writing files of a vault.
//!
//! The order that keeps a vault whole is the caller's: packs, then the index files that list them, then the snapshot.

use super::Vault;
use crate::{
    compress,
    config::VERSION,
    error::{Error, Result},
    file,
    id::Id,
    pack,
};
use keepsake_store::Payload;
use std::sync::Arc;

/// A file that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub id: Id,
    /// Its length.
    pub size_bytes: u64,
}

impl<S> Vault<S> {
    /// Compresses, seals and stores a JSON document; returns its name.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::ReadOnlyVersion`] in a repository of version 1.
    pub async fn put_document(&self, kind: file::Kind, json: Vec<u8>) -> Result<Id> {
        Ok(self.store_document(kind, json).await?.id)
    }

    /// As [`put_document`](Self::put_document), and says how long the file is.
    pub(crate) async fn store_document(&self, kind: file::Kind, json: Vec<u8>) -> Result<Stored> {
        self.refuse_old_version()?;
        let inner = Arc::clone(&self.inner);
        let sealed = tokio::task::spawn_blocking(move || {
            let plain = compress::encode_document(&json).map_err(Error::Compress)?;
            let mut sealed = Vec::new();
            inner.key.seal_into(&plain, &mut sealed)?;
            Ok::<_, Error>(sealed)
        })
        .await??;
        let stored = Stored { id: Id::of(&sealed), size_bytes: sealed.len() as u64 };
        self.put_named(kind, &stored.id, sealed.into()).await?;
        Ok(stored)
    }

    /// Stores a pack.
    ///
    /// # Errors
    /// [`Error::Store`]; [`Error::ReadOnlyVersion`] in a repository of version 1.
    pub async fn put_pack(&self, pack: &pack::Finished) -> Result<()> {
        self.refuse_old_version()?;
        self.put_named(file::Kind::Pack, &pack.id, pack.payload.clone()).await
    }

    fn refuse_old_version(&self) -> Result<()> {
        if self.config().version == VERSION { Ok(()) } else { Err(Error::ReadOnlyVersion) }
    }

    /// Stores `payload` under the name that its digest gives. A name that is taken is fine if the length is the same: the
    /// name promises the bytes, and they are read with suspicion anyway.
    async fn put_named(&self, kind: file::Kind, id: &Id, payload: Payload) -> Result<()> {
        let (key, len_bytes) = (kind.key(id), payload.len_bytes());
        match self.store().put(&key, payload).await {
            Err(keepsake_store::Error::AlreadyExists { .. })
                if self.store().head(&key).await?.size_bytes == len_bytes =>
            {
                Ok(())
            }
            result => Ok(result?),
        }
    }
}
