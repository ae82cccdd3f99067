//! Creating a vault.
//!
//! Key file first, then the configuration: whoever creates `config` owns the vault, and by then its key file is safe. A
//! creation that was killed in between is taken up by the next one with the same password, which finds the key file and
//! goes on with its master key. Both are read back and opened before the caller gets the vault, so no pack is ever stored
//! under a key that cannot be recovered (safety rule S15).

use super::{Inner, Open, Vault, cancellable, open::try_key_files};
use crate::{
    config::{Config, CreateSpec},
    crypto::Key,
    error::{Error, Result},
    file,
    id::Id,
    keyfile::KeyFile,
    password::Password,
};
use bytes::Bytes;
use keepsake_domain::Clock;
use keepsake_store::DynStore;
use rand::CryptoRng;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

impl Vault<Open> {
    /// Creates a vault in an empty place. The secret must be safe in the keyring before this is called.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if there is a vault, also one that another process created meanwhile;
    /// [`Error::NotReadBack`] if the store does not return what was written; [`Error::Store`], [`Error::Cancelled`].
    pub async fn create<R: CryptoRng + Send + ?Sized>(
        store: DynStore,
        password: &Password,
        spec: CreateSpec,
        rng: &mut R,
        clock: &dyn Clock,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let config = Config::create(spec, rng);
        cancellable(cancel, create(store, password.clone(), config, clock)).await
    }
}

async fn create(store: DynStore, password: Password, config: Config, clock: &dyn Clock) -> Result<Vault<Open>> {
    let location = store.location();
    match store.head(&file::Kind::Config.prefix()).await {
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(Error::AlreadyExists { location }),
    }
    let found = try_key_files(&store, &password).await?;
    let ours = found.opened.is_empty();
    let (key_file, key) = match found.opened.into_iter().next() {
        Some(opened) => opened,
        None => put_key_file(&store, &password, clock).await?,
    };
    if let Err(error) = put_config(&store, &key, &config).await {
        if ours && matches!(error, Error::AlreadyExists { .. }) {
            // Another creator was faster; a key file that opens nothing only slows others down. It is no loss if this
            // process may not delete.
            let _ = store.delete(&file::Kind::Key.key(&key_file)).await;
        }
        return Err(error);
    }
    read_back(&store, password, &key_file, &key, &config).await?;
    Ok(Vault { inner: Arc::new(Inner { store, key, key_file, config }), state: Open })
}

async fn put_key_file(store: &DynStore, password: &Password, clock: &dyn Clock) -> Result<(Id, Key)> {
    let (password, now) = (password.clone(), clock.now());
    let (key, bytes) = tokio::task::spawn_blocking(move || {
        let key = Key::generate()?;
        let file = KeyFile::create(&key, &password, now).map_err(Error::KeyFile)?;
        Ok::<_, Error>((key, file.encode()))
    })
    .await??;
    let id = Id::of(&bytes);
    // A name that is taken can only be our own earlier try: it is the digest of a fresh random key's sealing.
    match store.put(&file::Kind::Key.key(&id), bytes.into()).await {
        Ok(()) | Err(keepsake_store::Error::AlreadyExists { .. }) => Ok((id, key)),
        Err(error) => Err(error.into()),
    }
}

async fn put_config(store: &DynStore, key: &Key, config: &Config) -> Result<()> {
    let mut sealed = Vec::new();
    key.seal_into(&config.encode(), &mut sealed)?;
    let sealed = Bytes::from(sealed);
    let name = file::Kind::Config.prefix();
    match store.put(&name, sealed.clone().into()).await {
        Ok(()) => Ok(()),
        // After a lost answer the object may be our own, which only its bytes prove.
        Err(keepsake_store::Error::AlreadyExists { .. }) if store.get(&name).await? == sealed => Ok(()),
        Err(keepsake_store::Error::AlreadyExists { .. }) => Err(Error::AlreadyExists { location: store.location() }),
        Err(error) => Err(error.into()),
    }
}

/// Opens the vault anew from what is stored, as if nothing were known but the password.
async fn read_back(store: &DynStore, password: Password, key_file: &Id, key: &Key, config: &Config) -> Result<()> {
    let not_read_back = |what| Error::NotReadBack { what, location: store.location() };
    let stored = store.get(&file::Kind::Key.key(key_file)).await.map_err(|_| not_read_back("the key file"))?;
    if Id::of(&stored) != *key_file {
        return Err(not_read_back("the key file"));
    }
    let opened = tokio::task::spawn_blocking(move || KeyFile::parse(&stored)?.open(&password)).await?;
    if !opened.is_ok_and(|opened| opened.same(key)) {
        return Err(not_read_back("the key file"));
    }
    let stored = store.get(&file::Kind::Config.prefix()).await.map_err(|_| not_read_back("the configuration"))?;
    let read = key.open(&stored).ok().and_then(|json| Config::parse(&json).ok());
    match read {
        Some(read) if read == *config => Ok(()),
        // A store that accepts a second create-only put lets another creator overwrite: theirs is the vault then.
        _ => Err(not_read_back("the configuration")),
    }
}
