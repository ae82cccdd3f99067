//! Preparing an installation: a master key, and a storage location that was tried.

use crate::{
    context::Context,
    error::{Code, Error, Result},
    home::Home,
    storage::Storage,
};
use keepsake_keys::MasterKey;
use keepsake_store::Capabilities;
use rand::rngs::SysRng;
use serde::Serialize;

/// What `keepsake init` did.
#[derive(Debug, Serialize)]
pub struct Installed {
    /// The file of the master key.
    pub master_key: String,
    /// Its id, which is no secret.
    pub master_key_id: String,
    /// Whether it was made now.
    pub created: bool,
    /// The storage location.
    pub storage: String,
    /// What the location really does.
    pub capabilities: Capabilities,
}

/// The master key of an installation.
///
/// # Errors
/// [`Code::MasterKeyMissing`], [`Code::MasterKeyUnsafe`].
pub fn load_master_key(home: &Home) -> Result<MasterKey> {
    MasterKey::load(home.master_key()).map_err(key_error)
}

/// The master key of an installation, made if there is none; whether it was made.
///
/// # Errors
/// By cause.
pub fn ensure_master_key(home: &Home) -> Result<(MasterKey, bool)> {
    home.create()?;
    match MasterKey::create(home.master_key(), &mut SysRng) {
        Ok(key) => Ok((key, true)),
        Err(keepsake_keys::Error::MasterKeyExists { .. }) => Ok((load_master_key(home)?, false)),
        Err(error) => Err(key_error(error)),
    }
}

/// Tries the storage location: writes, reads back, deletes.
///
/// # Errors
/// [`Code::StorageInvalid`], [`Code::StorageFailed`].
pub async fn prepare(context: &Context, url: &str, created: bool) -> Result<Installed> {
    let storage = Storage::open(context, url)?;
    Ok(Installed {
        master_key: context.home.master_key().display().to_string(),
        master_key_id: context.master.id().to_string(),
        created,
        storage: storage.location().to_string(),
        capabilities: storage.capabilities().await?,
    })
}

/// A failure of keys under the code that a user can look up.
pub(crate) fn key_error(error: keepsake_keys::Error) -> Error {
    use keepsake_keys::Error as Keys;
    let code = match &error {
        Keys::NoMasterKey { .. } | Keys::NoHome => Code::MasterKeyMissing,
        Keys::MasterKeyOpenToOthers { .. } | Keys::MasterKeyMalformed { .. } => Code::MasterKeyUnsafe,
        Keys::WrongMasterKey { .. } => Code::MasterKeyWrong,
        Keys::MissingEntry { .. } => Code::VaultNotFound,
        Keys::CorruptEntry { .. }
        | Keys::MovedEntry { .. }
        | Keys::AlteredEntry { .. }
        | Keys::AmbiguousEntry { .. } => Code::VaultDamaged,
        Keys::Store { source: keepsake_store::Error::NoSpace { .. }, .. } => Code::StorageFull,
        Keys::Store { .. } | Keys::TooManyEntries { .. } => Code::StorageFailed,
        _ => Code::HomeFailed,
    };
    let what = match code {
        Code::VaultNotFound => "the vault is not known here",
        Code::VaultDamaged => "the vault's key cannot be read",
        _ => "the keys cannot be used",
    };
    Error::because(code, what, error)
}
