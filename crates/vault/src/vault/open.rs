//! Opening a vault with a password.

use super::{Inner, Open, Vault, cancellable, read::get_bounded};
use crate::{
    config::{self, Config},
    crypto::Key,
    error::{Damage, Error, Result},
    file,
    id::Id,
    keyfile::{self, KeyFile},
    password::Password,
};
use futures::TryStreamExt as _;
use keepsake_store::DynStore;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How many key files are tried; restic stops at as many.
const MAX_KEY_FILES: usize = 20;

/// What trying a password on all key files gave.
pub(super) struct Tried {
    /// The key files that it opens, and the master keys in them.
    pub(super) opened: Vec<(Id, Key)>,
    /// How many were tried.
    pub(super) tried: usize,
    /// A file that is no key file or is not what its name promises, if there was one.
    pub(super) damaged: Option<(Id, Damage)>,
}

impl Vault<Open> {
    /// Opens the vault in `store`.
    ///
    /// # Errors
    /// [`Error::NoVault`] if there is none, [`Error::WrongKey`] if no key file opens, [`Error::Damaged`] if the only key
    /// file or the configuration is broken, [`Error::Version`], [`Error::Store`], [`Error::Cancelled`].
    pub async fn open(store: DynStore, password: &Password, cancel: &CancellationToken) -> Result<Self> {
        cancellable(cancel, open(store, password)).await
    }
}

async fn open(store: DynStore, password: &Password) -> Result<Vault<Open>> {
    let location = store.location();
    let sealed = match get_bounded(&store, &file::Kind::Config.prefix(), config::MAX_FILE_BYTES as u64).await {
        Err(Error::Store(error)) if error.is_not_found() => return Err(Error::NoVault { location }),
        result => result?,
    };
    let Tried { opened, tried, damaged } = try_key_files(&store, password).await?;
    if opened.is_empty() {
        return Err(match damaged {
            Some((id, damage)) => Error::damaged(file::Kind::Key, &id, damage),
            None => Error::WrongKey { location, tried },
        });
    }
    let damaged_config =
        |source| Error::Damaged { kind: file::Kind::Config, name: file::Kind::Config.folder().to_owned(), source };
    // Creating twice with one password can leave a key file whose master key is not this vault's.
    let mut refusal = None;
    for (key_file, key) in opened {
        match key.open(&sealed) {
            Ok(json) => {
                let config = Config::parse(&json).map_err(|error| damaged_config(error.into()))?;
                if !(1..=config::VERSION).contains(&config.version) {
                    return Err(Error::Version { version: config.version });
                }
                return Ok(Vault { inner: Arc::new(Inner { store, key, key_file, config }), state: Open });
            }
            Err(error) => refusal = Some(error),
        }
    }
    Err(refusal.map_or(Error::WrongKey { location, tried }, |error| damaged_config(error.into())))
}

/// Tries `password` on every key file.
pub(super) async fn try_key_files(store: &DynStore, password: &Password) -> Result<Tried> {
    let names: Vec<_> = store.list(Some(&file::Kind::Key.prefix())).try_collect().await?;
    let mut ids: Vec<Id> = names
        .iter()
        .filter_map(|meta| match file::Kind::of(&meta.key)? {
            (file::Kind::Key, id) => id,
            _ => None,
        })
        .collect();
    ids.sort_unstable();
    ids.truncate(MAX_KEY_FILES);
    let mut result = Tried { opened: Vec::new(), tried: ids.len(), damaged: None };
    for id in ids {
        match try_key_file(store, &id, password).await? {
            Ok(key) => result.opened.push((id, key)),
            Err(Damage::KeyFile(keyfile::Error::Open(_))) => {}
            Err(damage) => result.damaged = Some((id, damage)),
        }
    }
    Ok(result)
}

async fn try_key_file(store: &DynStore, id: &Id, password: &Password) -> Result<Result<Key, Damage>> {
    let bytes = get_bounded(store, &file::Kind::Key.key(id), keyfile::MAX_FILE_BYTES as u64).await?;
    let actual = Id::of(&bytes);
    if actual != *id {
        return Ok(Err(Damage::Name { actual }));
    }
    let password = password.clone();
    let opened = tokio::task::spawn_blocking(move || KeyFile::parse(&bytes)?.open(&password)).await?;
    Ok(opened.map_err(Damage::KeyFile))
}
