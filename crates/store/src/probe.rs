//! Finding out what a target really does, by doing it.
//!
//! Several providers take the header of a conditional put, answer with success, and overwrite. Vaults rely on creates
//! being exclusive (safety rule S15), so a target is believed only after it refused to overwrite a probe object, and
//! still had the first content.

use crate::{Capabilities, DynStore, Error, Key, Result};
use bytes::Bytes;
use rand::TryRng;

/// Where probe objects live while they live.
const FOLDER: &str = "keepsake-probe";

/// Writes, overwrites, reads and removes probe objects below `keepsake-probe/` and says what the target does.
///
/// # Errors
/// By cause, if the target cannot be written, read or deleted from; probe objects are removed on the way out where that is
/// possible.
pub async fn probe(store: &DynStore) -> Result<Capabilities> {
    let mut random = [0; 16];
    rand::rngs::SysRng
        .try_fill_bytes(&mut random)
        .map_err(|source| Error::Permanent { key: FOLDER.to_owned(), source: source.to_string().into() })?;
    probe_as(store, u128::from_le_bytes(random)).await
}

/// As [`probe`], with the number that names the probe object.
async fn probe_as(store: &DynStore, number: u128) -> Result<Capabilities> {
    let invalid = |error: crate::key::InvalidKey| Error::Invalid { reason: error.to_string() };
    let key = Key::parse(format!("{FOLDER}/{number:032x}")).map_err(invalid)?;
    let conditional = probe_conditional(store, &key).await;
    let removed = store.delete(&key).await;
    let conditional_create = conditional?;
    removed?;
    let features = store.features(&key).await?;
    Ok(Capabilities {
        conditional_create,
        object_lock: features.object_lock,
        storage_class: features.storage_class,
        versioning: features.versioning,
    })
}

async fn probe_conditional(store: &DynStore, key: &Key) -> Result<bool> {
    let first = Bytes::from_static(b"keepsake probe: the first content stays");
    let second = Bytes::from_static(b"keepsake probe: a second put must be refused");
    store.put(key, first.clone().into()).await?;
    let found = store.get(key).await?;
    if found != first {
        return Err(Error::ShortRead { key: key.to_string(), got: found.len() as u64, expected: first.len() as u64 });
    }
    match store.put(key, second.into()).await {
        Ok(()) => Ok(false),
        Err(Error::AlreadyExists { .. }) => Ok(store.get(key).await? == first),
        // A store that does not know conditional puts at all refuses the header itself; that is a failed first put
        // on such stores, so what comes here is trouble.
        Err(error) => Err(error),
    }
}
