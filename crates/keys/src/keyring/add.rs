//! Adding an entry.

use super::{EntryName, Keyring};
use crate::{Binding, Error, Result, VaultSecret, Wrapped};
use jiff::Timestamp;
use rand::TryCryptoRng;

impl Keyring {
    /// Wraps `secret`, stores it, reads it back and opens it again, as safety rule S15 asks before a vault's first pack.
    ///
    /// The entry of an earlier try that was interrupted stays beside the new one and does no harm: the vault's key file
    /// opens with one of them only, and [`open_all`](Self::open_all) gives both.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Random`], [`Error::OrganisationTooLong`], and [`Error::CorruptEntry`] if the store
    /// gives back something else than it was given.
    pub async fn add(
        &self,
        binding: &Binding,
        secret: &VaultSecret,
        now: Timestamp,
        random: &mut (impl TryCryptoRng + Send),
    ) -> Result<EntryName> {
        let json = Wrapped::seal(&self.master, binding, secret, now, random)?.to_json();
        let name = EntryName::of(binding.vault, binding.generation, &json);
        match self.store.put(&name.key(), json.into()).await {
            // The name is the hash of this very content, so what is there is ours, by a retry after a lost answer.
            Ok(()) | Err(keepsake_store::Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(self.failed("write")(error)),
        }
        let opened = self.open(&name).await?;
        if opened.secret == *secret && opened.binding == *binding {
            return Ok(name);
        }
        Err(Error::CorruptEntry { entry: name.to_string(), reason: "it reads back with another secret".to_owned() })
    }
}
