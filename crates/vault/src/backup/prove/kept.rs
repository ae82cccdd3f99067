//! Does the store have a file as it was written?

use super::Depth;
use crate::{
    backup::session::Session,
    error::{Damage, Error, Result},
    file,
    id::{Hasher, Id},
    vault::Stored,
};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

/// Pieces of an answer that are hashed at once, if so many have come.
const PIECES: usize = 16;

impl Session {
    /// Makes sure that the store keeps a file that it took just now.
    ///
    /// # Errors
    /// [`Error::NotKept`]; [`Error::Store`].
    pub(in crate::backup) async fn kept(&self, kind: file::Kind, file: Stored, depth: Depth) -> Result<()> {
        let location = || self.vault.store().location();
        match self.damage(kind, file, depth).await? {
            None => Ok(()),
            Some(source) => Err(Error::NotKept { kind, id: file.id, location: location(), source }),
        }
    }

    /// Asks the store for a file, in one request, and says what is wrong with it. Never waits for memory: it has room where
    /// the file's own payload was, of which it needs a few pieces at a time.
    pub(super) async fn damage(&self, kind: file::Kind, file: Stored, depth: Depth) -> Result<Option<Damage>> {
        let (key, store) = (kind.key(&file.id), self.vault.store());
        let answer = match depth {
            Depth::Listed => store.head(&key).await.map(|meta| (meta, None)),
            Depth::Read => store.get_stream(&key).await.map(|(meta, pieces)| (meta, Some(pieces))),
        };
        let (meta, pieces) = match answer {
            Ok(answer) => answer,
            Err(error) => return damage_of(error).map(Some),
        };
        let (actual_bytes, expected_bytes) = (meta.size_bytes, file.size_bytes);
        if actual_bytes != expected_bytes {
            return Ok(Some(Damage::Truncated { actual_bytes, expected_bytes }));
        }
        match pieces {
            None => Ok(None),
            Some(pieces) => {
                let actual = digest(pieces).await?;
                Ok((actual != file.id).then_some(Damage::Name { actual }))
            }
        }
    }
}

/// Tells a file that is not there as it should be from a store that fails.
pub(super) fn damage_of(error: keepsake_store::Error) -> Result<Damage> {
    match error {
        error if error.is_not_found() => Ok(Damage::Absent),
        keepsake_store::Error::ShortRead { got, expected, .. } => {
            Ok(Damage::Truncated { actual_bytes: got, expected_bytes: expected })
        }
        error => Err(error.into()),
    }
}

/// The SHA-256 of what comes. Not on the CPU threads: it would queue there behind chunks, with the upload waiting for it.
async fn digest(pieces: impl Stream<Item = keepsake_store::Result<Bytes>> + Unpin) -> Result<Id> {
    let mut hasher = Hasher::new();
    let mut pieces = pieces.ready_chunks(PIECES);
    while let Some(ready) = pieces.next().await {
        let ready = ready.into_iter().collect::<Result<Vec<_>, _>>()?;
        let hash = move || {
            ready.iter().for_each(|piece| hasher.update(piece));
            hasher
        };
        hasher = tokio::task::spawn_blocking(hash).await?;
    }
    Ok(hasher.finish())
}
