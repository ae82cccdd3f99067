//! What files a vault has.

use super::{FETCHES, Vault, cancellable};
use crate::{
    error::{Error, Result},
    file,
    id::Id,
    lock::{self, Lock},
    snapshot::Snapshot,
};
use futures::{StreamExt as _, TryStreamExt as _};
use keepsake_store::Key;
use tokio_util::sync::CancellationToken;

/// One file in a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: Id,
    /// Its length.
    pub size_bytes: u64,
    /// When the store says it was written.
    pub modified: jiff::Timestamp,
}

/// The files of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Files with proper names, sorted by name.
    pub files: Vec<Listed>,
    /// Objects in the folder that are none of the vault's.
    pub foreign: Vec<Key>,
}

/// All snapshots. A broken one does not hide the others.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// The readable ones, oldest first.
    pub snapshots: Vec<(Id, Snapshot)>,
    /// The others, and what is wrong with each.
    pub broken: Vec<(Id, Error)>,
}

impl<S> Vault<S> {
    /// The files of `kind`.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Cancelled`].
    pub async fn list(&self, kind: file::Kind, cancel: &CancellationToken) -> Result<Listing> {
        cancellable(cancel, async {
            let mut listing = Listing::default();
            let mut objects = self.store().list(Some(&kind.prefix()));
            while let Some(meta) = objects.next().await.transpose()? {
                match file::Kind::of(&meta.key) {
                    Some((found, Some(id))) if found == kind => {
                        listing.files.push(Listed { id, size_bytes: meta.size_bytes, modified: meta.modified });
                    }
                    _ => listing.foreign.push(meta.key),
                }
            }
            listing.files.sort_unstable_by_key(|file| file.id);
            listing.foreign.sort_unstable();
            Ok(listing)
        })
        .await
    }

    /// All snapshots, each compared with its name.
    ///
    /// # Errors
    /// [`Error::Store`] if they cannot be listed, [`Error::Cancelled`].
    pub async fn snapshots(&self, cancel: &CancellationToken) -> Result<Snapshots> {
        let files = self.list(file::Kind::Snapshot, cancel).await?.files;
        let results: Vec<_> = futures::stream::iter(files)
            .map(|file| async move { (file.id, self.snapshot(&file.id, cancel).await) })
            .buffer_unordered(FETCHES)
            .collect()
            .await;
        let mut all = Snapshots::default();
        for (id, result) in results {
            match result {
                Ok(snapshot) => all.snapshots.push((id, snapshot)),
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                // Removed since it was listed, as a stock restic's `forget` does.
                Err(Error::Store(error)) if error.is_not_found() => {}
                Err(error) => all.broken.push((id, error)),
            }
        }
        all.snapshots.sort_by_key(|(id, snapshot)| (snapshot.time, *id));
        all.broken.sort_by_key(|(id, _)| *id);
        Ok(all)
    }

    /// The one snapshot whose id starts with `prefix`.
    ///
    /// # Errors
    /// [`Error::NoSnapshot`] if there is none or more than one; else as [`Self::snapshot`].
    pub async fn find_snapshot(&self, prefix: &str, cancel: &CancellationToken) -> Result<(Id, Snapshot)> {
        let files = self.list(file::Kind::Snapshot, cancel).await?.files;
        let mut matching = files.iter().filter(|file| file.id.to_string().starts_with(prefix));
        match (matching.next(), matching.next()) {
            (Some(file), None) => Ok((file.id, self.snapshot(&file.id, cancel).await?)),
            _ => Err(Error::NoSnapshot { text: prefix.chars().take(64).collect() }),
        }
    }

    /// The lock files of other programs, such as a stock restic at work. Those that cannot be read are left out: they are
    /// being written or removed, and exclude nobody.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Cancelled`].
    pub async fn locks(&self, cancel: &CancellationToken) -> Result<Vec<lock::Found>> {
        let files = self.list(file::Kind::Lock, cancel).await?.files;
        let read = |id: Id| async move {
            match cancellable(cancel, self.read_document(file::Kind::Lock, &id)).await {
                Ok(json) => Ok(Lock::parse(&json).ok().map(|lock| lock::Found { id, lock })),
                Err(Error::Cancelled) => Err(Error::Cancelled),
                Err(_) => Ok(None),
            }
        };
        let found: Vec<_> =
            futures::stream::iter(files).map(|file| read(file.id)).buffered(FETCHES).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}
