//! A vault joined to a store, in two states: [`Open`], which has the key and can list, and [`Indexed`], which also knows
//! where every blob lies. What needs the index cannot be called without it.

mod create;
mod list;
mod load_index;
mod open;
mod read;
mod shared_lock;
mod write;

pub use list::{Listed, Listing, Snapshots};
pub use load_index::BrokenIndex;
pub use shared_lock::{SharedLock, SharedLockOptions};
pub use write::Stored;

use crate::{
    config::Config,
    crypto::Key,
    error::{Error, Result},
    id::Id,
    index,
};
use keepsake_store::DynStore;
use std::{collections::BTreeSet, fmt, sync::Arc};
use tokio_util::sync::CancellationToken;

/// How many small files are fetched at once.
const FETCHES: usize = 16;

/// A vault. Cheap to clone; all clones share the key and, if indexed, the index.
pub struct Vault<S = Open> {
    inner: Arc<Inner>,
    state: S,
}

/// The key is known.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Open;

/// The index is loaded.
#[derive(Debug, Clone)]
pub struct Indexed {
    index: Arc<index::Shared>,
}

struct Inner {
    store: DynStore,
    key: Key,
    key_file: Id,
    config: Config,
}

impl<S> Vault<S> {
    /// Where the vault lies.
    pub fn store(&self) -> &DynStore {
        &self.inner.store
    }

    /// The master key.
    pub fn key(&self) -> &Key {
        &self.inner.key
    }

    /// The key file that the password opened.
    pub fn key_file(&self) -> &Id {
        &self.inner.key_file
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// This vault without its index.
    pub fn to_open(&self) -> Vault<Open> {
        Vault { inner: Arc::clone(&self.inner), state: Open }
    }

    fn location(&self) -> String {
        self.inner.store.location()
    }
}

impl Vault<Indexed> {
    /// The index. A backup adds a pack to it when the pack is stored and listed in a stored index file.
    pub fn index(&self) -> &Arc<index::Shared> {
        &self.state.index
    }

    /// This vault with an index of its own that knows nothing of `packs`: a backup into it stores anew what lay there
    /// only. What others add to their index is not seen here any more.
    #[must_use]
    pub fn without_packs(&self, packs: &BTreeSet<Id>) -> Self {
        let index = self.index().read(|index| index.without(packs));
        Self { inner: Arc::clone(&self.inner), state: Indexed { index: Arc::new(index::Shared::new(index)) } }
    }
}

impl<S: Clone> Clone for Vault<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), state: self.state.clone() }
    }
}

impl<S> fmt::Debug for Vault<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({}, {:?})", self.location(), self.inner.config.keepsake)
    }
}

/// Runs `work` until it is done or `cancel` is cancelled.
pub(crate) async fn cancellable<T>(cancel: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<T> {
    cancel.run_until_cancelled(work).await.unwrap_or(Err(Error::Cancelled))
}
