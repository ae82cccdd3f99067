//! Loading the index.

use super::{FETCHES, Indexed, Open, Vault, cancellable};
use crate::{
    error::{Error, Result},
    file,
    id::Id,
    index::{self, Index},
};
use futures::StreamExt as _;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// An index file that cannot be read, and why.
pub type BrokenIndex = (Id, Error);

impl Vault<Open> {
    /// Reads all index files.
    ///
    /// # Errors
    /// What is wrong with the first index file that cannot be read; [`Error::Store`], [`Error::Cancelled`].
    pub async fn load_index(self, cancel: &CancellationToken) -> Result<Vault<Indexed>> {
        let (vault, broken) = self.load_readable_index(cancel).await?;
        match broken.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(vault),
        }
    }

    /// Reads all index files that can be read, to save what can be saved from a damaged vault, and says which could not.
    ///
    /// # Errors
    /// [`Error::Store`] if they cannot be listed, [`Error::Cancelled`].
    pub async fn load_readable_index(self, cancel: &CancellationToken) -> Result<(Vault<Indexed>, Vec<BrokenIndex>)> {
        let files = self.list(file::Kind::Index, cancel).await?.files;
        let mut index = Index::new();
        let mut broken = Vec::new();
        let read = async |id: Id| (id, self.read_index_file(&id, cancel).await);
        let mut reads = futures::stream::iter(files).map(|file| read(file.id)).buffered(FETCHES);
        while let Some((id, result)) = reads.next().await {
            match result {
                Ok(file) => file.packs.iter().for_each(|pack| index.add_pack(pack.id, &pack.blobs)),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => broken.push((id, error)),
            }
        }
        drop(reads);
        let state = Indexed { index: Arc::new(index::Shared::new(index)) };
        Ok((Vault { inner: Arc::clone(&self.inner), state }, broken))
    }
}

impl<S> Vault<S> {
    /// One index file.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Store`], [`Error::Cancelled`].
    pub async fn read_index_file(&self, id: &Id, cancel: &CancellationToken) -> Result<index::File> {
        let json = cancellable(cancel, self.read_document(file::Kind::Index, id)).await?;
        let parsed = tokio::task::spawn_blocking(move || index::File::parse(&json)).await?;
        parsed.map_err(|error| Error::damaged(file::Kind::Index, id, error))
    }
}
