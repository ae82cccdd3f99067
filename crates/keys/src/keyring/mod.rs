//! The keyring: one small write-once object for each vault and key generation, beside the vaults.
//!
//! Objects are named `keyring/<vault>/<generation>-<sha256 of the content>`. A name is used once, so nothing is ever
//! overwritten, and what is read back is checked against its name before it is believed. The keyring has no operation
//! that removes an entry: destroying keys takes other credentials.

mod add;
mod list;
mod name;
mod open;

pub use name::EntryName;
pub use open::{Candidates, Opened};

use crate::{Error, MasterKey};
use keepsake_store::{DynStore, Key};

/// No entry is larger; larger objects are not read.
pub const MAX_ENTRY_BYTES: u64 = 16 * 1024;

/// At most so many entries of one vault are read: generations, doubled by a change of the master key.
pub const MAX_ENTRIES_OF_A_VAULT: usize = 256;

/// At most so many entries are listed altogether.
pub const MAX_ENTRIES: usize = 1_000_000;

/// The keyring of one storage target, opened with one master key.
#[derive(Debug, Clone)]
pub struct Keyring {
    store: DynStore,
    master: MasterKey,
}

impl Keyring {
    /// The keyring in `store`, which is the root of the storage target, not a vault's folder.
    pub fn new(store: DynStore, master: MasterKey) -> Self {
        Self { store, master }
    }

    /// The master key in use.
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    fn failed(&self, action: &'static str) -> impl FnOnce(keepsake_store::Error) -> Error + use<> {
        let location = self.store.location();
        move |source| Error::Store { action, location, source }
    }
}

/// The folder of all entries.
fn folder() -> Key {
    Key::parse("keyring").expect("one plain segment")
}
