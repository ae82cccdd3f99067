//! Is every file in the store, with its size?

use super::Prover;
use crate::{
    error::{Damage, Error, Result},
    file,
    id::Id,
    pack,
    vault::{Stored, cancellable},
};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{HashMap, HashSet};

/// Objects of one answer to a listing, in S3 and what is compatible with it.
const LISTED_AT_ONCE: usize = 1_000;

impl Prover {
    /// Finds every one of `files` in the store, with as few requests as may be.
    pub(super) async fn all_stored(&self, kind: file::Kind, files: &[Stored]) -> Result<()> {
        // How many index files there are nobody knows, but a backup rarely writes more than one.
        let listing = match kind {
            file::Kind::Pack => self.vault.index().read(|index| index.packs().len()) / LISTED_AT_ONCE + 1,
            _ => usize::MAX,
        };
        let unseen = if files.len() > listing { self.not_listed(kind, files).await? } else { files.to_vec() };
        // What a listing leaves out may be there all the same, so nothing is missing before it was asked for by name.
        let ask = async |file: Stored| self.ask(kind, file).await;
        futures::stream::iter(unseen).map(ask).buffer_unordered(self.requests()).try_collect().await
    }

    /// Those of `files` that a listing does not show with their sizes.
    async fn not_listed(&self, kind: file::Kind, files: &[Stored]) -> Result<Vec<Stored>> {
        let mut wanted: HashMap<Id, u64> = files.iter().map(|file| (file.id, file.size_bytes)).collect();
        let mut objects = self.vault.store().list(Some(&kind.prefix()));
        while let Some(meta) =
            self.cancel.run_until_cancelled(objects.next()).await.ok_or(Error::Cancelled)?.transpose()?
        {
            if let Some((found, Some(id))) = file::Kind::of(&meta.key)
                && found == kind
                && wanted.get(&id) == Some(&meta.size_bytes)
            {
                wanted.remove(&id);
            }
        }
        Ok(files.iter().filter(|file| wanted.contains_key(&file.id)).copied().collect())
    }

    async fn ask(&self, kind: file::Kind, file: Stored) -> Result<()> {
        let key = kind.key(&file.id);
        let head = async { Ok(self.vault.store().head(&key).await?) };
        let meta = cancellable(&self.cancel, head).await.map_err(|error| self.not_as_written(kind, file.id, error))?;
        let (actual_bytes, expected_bytes) = (meta.size_bytes, file.size_bytes);
        if actual_bytes == expected_bytes {
            return Ok(());
        }
        Err(self.not_kept(kind, file.id, Damage::Truncated { actual_bytes, expected_bytes }))
    }

    /// These packs, with the sizes that their blobs give them.
    pub(super) fn sizes(&self, packs: &HashSet<Id>) -> Vec<Stored> {
        let empty = pack::size_bytes(&[]);
        let mut sizes: HashMap<Id, u64> = packs.iter().map(|pack| (*pack, empty)).collect();
        self.vault.index().read(|index| {
            for place in index.iter() {
                if let Some(size_bytes) = sizes.get_mut(&place.pack) {
                    *size_bytes += pack::size_bytes(&[place.entry]) - empty;
                }
            }
        });
        sizes.into_iter().map(|(id, size_bytes)| Stored { id, size_bytes }).collect()
    }
}
