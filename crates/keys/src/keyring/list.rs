//! Listing entries.

use super::{EntryName, Keyring, MAX_ENTRIES, MAX_ENTRIES_OF_A_VAULT, folder};
use crate::{Error, Result};
use futures::TryStreamExt;
use keepsake_domain::VaultId;
use keepsake_store::Key;

impl Keyring {
    /// The names of all entries, sorted by vault and generation. Needs no opening, so also those of other master keys.
    /// Objects below `keyring/` that are no entries are passed over.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::TooManyEntries`].
    pub async fn list(&self) -> Result<Vec<EntryName>> {
        self.entries(&folder(), MAX_ENTRIES, "altogether").await
    }

    /// The names of one vault's entries, oldest generation first; empty if there are none.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::TooManyEntries`].
    pub async fn list_of(&self, vault: VaultId) -> Result<Vec<EntryName>> {
        let place = Key::parse(vault.to_string()).expect("an id is one plain segment").under(&folder());
        let names = self.entries(&place, MAX_ENTRIES_OF_A_VAULT, "for one vault").await?;
        // A store whose prefixes end within a segment may list more.
        Ok(names.into_iter().filter(|name| name.vault == vault).collect())
    }

    async fn entries(&self, below: &Key, limit: usize, place: &'static str) -> Result<Vec<EntryName>> {
        let mut listed = self.store.list(Some(below));
        let mut names = Vec::new();
        while let Some(object) = listed.try_next().await.map_err(self.failed("list"))? {
            let Some(name) = EntryName::parse(&object.key) else { continue };
            if names.len() == limit {
                return Err(Error::TooManyEntries { location: self.store.location(), limit, place });
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }
}
