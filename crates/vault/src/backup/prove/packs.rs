//! Reading back what a backup wrote.

use super::Prover;
use crate::{
    backup::Written,
    check::pieces,
    engine::Progress,
    error::{Damage, Result},
    file,
    id::Hasher,
    vault::Stored,
};
use futures::{StreamExt as _, TryStreamExt as _};
use std::sync::atomic::Ordering::Relaxed;

impl Prover {
    /// Compares the SHA-256 of every index file and pack with its name; the answer is how many bytes the packs have.
    pub(super) async fn read_back(&self, written: &Written, progress: &Progress) -> Result<u64> {
        let read_bytes = written.packs.iter().map(|pack| pack.size_bytes).sum();
        progress.bytes_total.fetch_add(read_bytes, Relaxed);
        for file in &written.index {
            let read = self.vault.read_index_file(&file.id, &self.cancel).await;
            read.map_err(|error| self.not_as_written(file::Kind::Index, file.id, error))?;
        }
        let read = async |pack: Stored| self.read_pack(pack, progress).await;
        let packs = futures::stream::iter(written.packs.iter().copied());
        packs.map(read).buffer_unordered(self.requests()).try_collect::<()>().await?;
        Ok(read_bytes)
    }

    async fn read_pack(&self, pack: Stored, progress: &Progress) -> Result<()> {
        let mut hasher = Hasher::new();
        for range in pieces(0..pack.size_bytes) {
            let len_bytes = range.end - range.start;
            let (bytes, admission) = self.fetch(pack.id, range, len_bytes).await?;
            let hash = move |_: &mut _| {
                hasher.update(&bytes);
                drop((bytes, admission));
                hasher
            };
            hasher = self.on_cpu(hash).await?;
            progress.bytes_done.fetch_add(len_bytes, Relaxed);
        }
        let actual = hasher.finish();
        if actual == pack.id { Ok(()) } else { Err(self.not_kept(file::Kind::Pack, pack.id, Damage::Name { actual })) }
    }
}
