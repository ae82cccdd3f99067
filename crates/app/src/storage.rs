//! A storage location as the use cases see it: vaults, and the keyring beside them.

use crate::{
    context::Context,
    error::{Code, Error, Result},
};
use keepsake_domain::VaultId;
use keepsake_keys::Keyring;
use keepsake_store::{Capabilities, DynStore, Key, Location, Options, prefix::Prefix};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// An opened storage location. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    location: Location,
    root: DynStore,
    keyring: Keyring,
    capabilities: Arc<OnceCell<Capabilities>>,
}

const VAULTS: &str = "vaults";

fn root(url: &str, options: &Options) -> Result<(Location, DynStore)> {
    let invalid = |error: keepsake_store::Error| {
        Error::because(Code::StorageInvalid, "the storage location cannot be used", error)
    };
    let location: Location = url.parse().map_err(invalid)?;
    let root = keepsake_store::open_location(&location, options).map_err(invalid)?;
    Ok((location, root))
}

impl Storage {
    /// Opens the location that a URL names. Nothing is asked of the store yet.
    ///
    /// # Errors
    /// [`Code::StorageInvalid`] if the URL or its settings cannot be used.
    pub fn open(context: &Context, url: &str) -> Result<Self> {
        Self::open_with(context, url, &Options { clock: Arc::clone(&context.clock), ..Options::from_process() })
    }

    /// As [`open`](Self::open), with other credentials and limits than this process's own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(context: &Context, url: &str, options: &Options) -> Result<Self> {
        let (location, root) = root(url, options)?;
        let keyring = Keyring::new(Arc::clone(&root), context.master.clone());
        Ok(Self { location, root, keyring, capabilities: Arc::default() })
    }

    /// Whether a URL and its settings can be used at all; nothing is asked of the store.
    ///
    /// # Errors
    /// [`Code::StorageInvalid`].
    pub fn check(url: &str) -> Result<()> {
        root(url, &Options::from_process()).map(drop)
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The keyring beside the vaults.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What the store really does; asked once, by writing and deleting a probe.
    ///
    /// # Errors
    /// By cause: [`Code::StorageFailed`] mostly.
    pub async fn capabilities(&self) -> Result<Capabilities> {
        self.capabilities
            .get_or_try_init(|| async { keepsake_store::probe(&self.root).await })
            .await
            .copied()
            .map_err(|error| failed("could not probe the storage location", error))
    }

    /// The objects of one vault.
    pub fn vault(&self, vault: VaultId) -> DynStore {
        Arc::new(Prefix::new(Arc::clone(&self.root), vault_key(vault)))
    }

    /// What stock restic calls the vault.
    pub fn restic_repository(&self, vault: VaultId) -> Option<String> {
        self.location.restic_repository(&vault_key(vault))
    }

    /// Every vault that has a folder, in no order.
    ///
    /// # Errors
    /// By cause: [`Code::StorageFailed`] mostly.
    pub async fn vaults(&self) -> Result<Vec<VaultId>> {
        let folders = self
            .root
            .list_folders(Some(&vaults_key()))
            .await
            .map_err(|error| failed("could not list the vaults", error))?;
        Ok(folders.iter().filter_map(|key| key.file_name().parse().ok()).collect())
    }

    /// Bytes of all objects of one vault.
    ///
    /// # Errors
    /// By cause: [`Code::StorageFailed`] mostly.
    pub async fn stored_bytes(&self, vault: VaultId) -> Result<u64> {
        use futures::TryStreamExt;
        self.vault(vault)
            .list(None)
            .try_fold(0, |sum, object| async move { Ok(sum + object.size_bytes) })
            .await
            .map_err(|error| failed("could not list a vault", error))
    }
}

fn vaults_key() -> Key {
    Key::parse(VAULTS).expect("one plain segment")
}

fn vault_key(vault: VaultId) -> Key {
    Key::parse(format!("{VAULTS}/{vault}")).expect("an id is one plain segment")
}

/// A store's failure under the code that a user can look up.
pub(crate) fn failed(what: &str, error: keepsake_store::Error) -> Error {
    let code = match &error {
        keepsake_store::Error::NoSpace { .. } => Code::StorageFull,
        keepsake_store::Error::Invalid { .. } => Code::StorageInvalid,
        _ => Code::StorageFailed,
    };
    Error::because(code, what, error)
}
