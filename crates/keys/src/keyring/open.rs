//! Opening entries.

use super::{EntryName, Keyring, MAX_ENTRY_BYTES};
use crate::{Binding, Error, Result, VaultSecret, Wrapped, wrap::Refused};
use jiff::Timestamp;
use keepsake_domain::VaultId;

/// An entry that opened: everything in it is as it was wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Its name.
    pub name: EntryName,
    /// What the secret is for.
    pub binding: Binding,
    /// When it was wrapped.
    pub created: Timestamp,
    /// The secret.
    pub secret: VaultSecret,
}

/// All that one vault has in the keyring.
#[derive(Debug, Default)]
pub struct Candidates {
    /// Entries that opened, newest generation first.
    pub opened: Vec<Opened>,
    /// Why the others did not, newest generation first.
    pub refused: Vec<(EntryName, Error)>,
}

impl Keyring {
    /// The newest secret of a vault.
    ///
    /// Entries of the newest generation that do not open matter only if none does; an older generation is never taken in
    /// place of the newest, because what was written since needs the newest.
    ///
    /// # Errors
    /// [`Error::MissingEntry`]; [`Error::WrongMasterKey`], [`Error::MovedEntry`], [`Error::AlteredEntry`] or
    /// [`Error::CorruptEntry`] if nothing of the newest generation opens; [`Error::AmbiguousEntry`] if two different
    /// secrets do (two creators at once: use [`open_all`](Self::open_all)); [`Error::Store`].
    pub async fn load(&self, vault: VaultId) -> Result<Opened> {
        let missing = || Error::MissingEntry { vault, location: self.store.location() };
        let mut names = self.list_of(vault).await?;
        let generation = names.last().map(|name| name.generation).ok_or_else(missing)?;
        names.retain(|name| name.generation == generation);
        let mut found = self.try_all(names).await?;
        if found.opened.windows(2).any(|two| matches!(two, [one, other] if one.secret != other.secret)) {
            return Err(Error::AmbiguousEntry { vault, generation });
        }
        match found.opened.pop() {
            Some(opened) => Ok(opened),
            None => Err(found.refused.into_iter().next().map_or_else(missing, |(_, error)| error)),
        }
    }

    /// Every secret of a vault that opens, newest generation first, and why others do not. For opening a vault whose
    /// creation was interrupted or raced: the right secret is the one that opens the vault's key file.
    ///
    /// # Errors
    /// [`Error::MissingEntry`] if there is no entry at all; [`Error::Store`], [`Error::TooManyEntries`].
    pub async fn open_all(&self, vault: VaultId) -> Result<Candidates> {
        let mut names = self.list_of(vault).await?;
        if names.is_empty() {
            return Err(Error::MissingEntry { vault, location: self.store.location() });
        }
        names.reverse();
        self.try_all(names).await
    }

    /// Opens one entry.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn open(&self, name: &EntryName) -> Result<Opened> {
        let entry = || name.to_string();
        let corrupt = |reason: &str| Error::CorruptEntry { entry: entry(), reason: reason.to_owned() };
        let missing = |error: keepsake_store::Error| {
            if error.is_not_found() {
                Error::MissingEntry { vault: name.vault, location: self.store.location() }
            } else {
                self.failed("read")(error)
            }
        };
        let key = name.key();
        if self.store.head(&key).await.map_err(missing)?.size_bytes > MAX_ENTRY_BYTES {
            return Err(corrupt("it is far larger than an entry"));
        }
        let json = self.store.get(&key).await.map_err(missing)?;
        if !name.fits(&json) {
            return Err(corrupt("its content does not have the SHA-256 in its name"));
        }
        let wrapped = Wrapped::from_json(&json).map_err(|refused| corrupt(&refused.to_string()))?;
        let binding = wrapped.binding();
        if (binding.vault, binding.generation) != (name.vault, name.generation) {
            return Err(Error::MovedEntry { entry: entry(), vault: binding.vault, generation: binding.generation });
        }
        match wrapped.open(&self.master) {
            Ok(secret) => Ok(Opened { name: name.clone(), binding, created: wrapped.created(), secret }),
            Err(Refused::WrongMasterKey { needed }) => {
                Err(Error::WrongMasterKey { entry: entry(), needed, present: self.master.id() })
            }
            Err(Refused::Altered) => {
                Err(Error::AlteredEntry { entry: entry(), master_key_id: wrapped.master_key_id() })
            }
            Err(Refused::Malformed(reason)) => Err(Error::CorruptEntry { entry: entry(), reason }),
        }
    }

    /// Opens what opens. A failing store is no reason to pass over an entry: it ends the whole call.
    async fn try_all(&self, names: Vec<EntryName>) -> Result<Candidates> {
        let mut found = Candidates::default();
        for name in names {
            match self.open(&name).await {
                Ok(opened) => found.opened.push(opened),
                Err(error @ Error::Store { .. }) => return Err(error),
                Err(error) => found.refused.push((name, error)),
            }
        }
        Ok(found)
    }
}
