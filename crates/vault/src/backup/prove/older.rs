//! Which older packs are not in the store any more, or not with their sizes?

use super::Depth;
use crate::{backup::session::Session, error::Result, file, id::Id, pack, vault::Stored};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::{HashMap, HashSet};

/// Objects of one answer to a listing, in S3 and what is compatible with it.
const LISTED_AT_ONCE: usize = 1_000;

impl Session {
    /// Those of `packs` that are not in the store with their sizes, found out with as few requests as may be.
    pub(super) async fn lost_of(&self, packs: &HashSet<Id>) -> Result<HashSet<Id>> {
        let packs = self.sizes(packs);
        let listing = self.vault.index().read(|index| index.packs().len()) / LISTED_AT_ONCE + 1;
        let unseen = if packs.len() > listing { self.not_listed(packs).await? } else { packs };
        // What a listing leaves out may be there all the same, so nothing is lost before it was asked for by name.
        let ask = async |(id, size_bytes)| {
            let damage = self.damage(file::Kind::Pack, Stored { id, size_bytes }, Depth::Listed).await?;
            Ok(damage.map(|damage| {
                tracing::warn!(pack = %id, error = &damage as &dyn std::error::Error, "an older pack is lost");
                id
            }))
        };
        let asked = futures::stream::iter(unseen).map(ask).buffer_unordered(self.requests());
        asked.try_filter_map(async |lost| Ok(lost)).try_collect().await
    }

    /// Those of `packs` that a listing does not show with their sizes.
    async fn not_listed(&self, mut packs: HashMap<Id, u64>) -> Result<HashMap<Id, u64>> {
        let mut objects = self.vault.store().list(Some(&file::Kind::Pack.prefix()));
        while let Some(meta) = objects.try_next().await? {
            if let Some((file::Kind::Pack, Some(id))) = file::Kind::of(&meta.key)
                && packs.get(&id) == Some(&meta.size_bytes)
            {
                packs.remove(&id);
            }
        }
        Ok(packs)
    }

    /// These packs, with the sizes that their blobs give them.
    fn sizes(&self, packs: &HashSet<Id>) -> HashMap<Id, u64> {
        let empty = pack::size_bytes(&[]);
        let mut sizes: HashMap<Id, u64> = packs.iter().map(|pack| (*pack, empty)).collect();
        self.vault.index().read(|index| {
            for place in index.iter() {
                if let Some(size_bytes) = sizes.get_mut(&place.pack) {
                    *size_bytes += pack::size_bytes(&[place.entry]) - empty;
                }
            }
        });
        sizes
    }
}
