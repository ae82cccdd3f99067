//! What can go wrong with keys, each with what to do about it. No variant carries key material.

use crate::MasterKeyId;
use keepsake_domain::VaultId;
use std::{io, path::PathBuf};

/// Result of a key operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed key operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither variable says where the master key is, and there is no home folder.
    #[error(
        "no place for the master key is known: set KEEPSAKE_MASTER_KEY_FILE to its file, or KEEPSAKE_HOME to a folder"
    )]
    NoHome,
    /// There is no master key file.
    #[error(
        "there is no master key at {path}: run `keepsake init`, or name the key's file in KEEPSAKE_MASTER_KEY_FILE",
        path = path.display()
    )]
    NoMasterKey {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A master key is there already and is never overwritten.
    #[error(
        "{path} holds a master key already; it was left as it is, because backups that it opens would be lost without it",
        path = path.display()
    )]
    MasterKeyExists {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner may read or change the master key.
    #[error(
        "the master key {path} is open to others (mode {mode:04o}): run `chmod 600 {quoted}`, and if others may have read it, \
         rotate the key",
        path = path.display(),
        quoted = shell_quoted(path)
    )]
    MasterKeyOpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is no key.
    #[error("{path} is not a master key: {reason}", path = path.display())]
    MasterKeyMalformed {
        /// The file.
        path: PathBuf,
        /// What was found instead; never any of its content.
        reason: &'static str,
    },
    /// A file could not be read or written.
    #[error("could not {action} {path}", path = path.display())]
    Io {
        /// What was tried, such as "read".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The source of randomness failed. No key was made.
    #[error("the system gave no random bytes ({reason}); no key was made")]
    Random {
        /// What it said.
        reason: String,
    },
    /// The organisation's name does not fit into an entry.
    #[error("the organisation's name has {len_bytes} bytes; at most {limit_bytes} fit into a keyring entry")]
    OrganisationTooLong {
        /// Its length.
        len_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The keyring holds nothing for this vault: it never existed here, or its key was destroyed.
    #[error(
        "the keyring at {location} has no entry for vault {vault}: check the storage URL; if the vault was shredded, its data \
         cannot be read any more"
    )]
    MissingEntry {
        /// The vault.
        vault: VaultId,
        /// The store.
        location: String,
    },
    /// The entry was wrapped by another master key.
    #[error(
        "keyring entry {entry} needs the master key {needed}, but the one in use is {present}: name the right key file in \
         KEEPSAKE_MASTER_KEY_FILE"
    )]
    WrongMasterKey {
        /// The entry's name.
        entry: String,
        /// The key that wrapped it.
        needed: MasterKeyId,
        /// The key that was tried.
        present: MasterKeyId,
    },
    /// The entry's bytes are not those that were written.
    #[error("keyring entry {entry} is corrupt: {reason}; restore it from another copy of the storage")]
    CorruptEntry {
        /// The entry's name.
        entry: String,
        /// What does not fit.
        reason: String,
    },
    /// The entry says that it belongs elsewhere.
    #[error(
        "keyring entry {entry} was made for vault {vault}, generation {generation}: it was moved or copied and is not used"
    )]
    MovedEntry {
        /// Where it was found.
        entry: String,
        /// The vault for which it was made.
        vault: VaultId,
        /// The generation for which it was made.
        generation: u32,
    },
    /// The right master key does not open the entry: its text was altered after it was wrapped.
    #[error(
        "keyring entry {entry} does not open with its own master key {master_key_id}: it was altered or made for another vault, \
         generation or organisation, and is not used; restore it from another copy of the storage"
    )]
    AlteredEntry {
        /// The entry's name.
        entry: String,
        /// The key that wrapped it, and that was tried.
        master_key_id: MasterKeyId,
    },
    /// Two different secrets claim to be the newest of one vault.
    #[error(
        "vault {vault} has two different secrets of generation {generation}: open the vault with each (`Keyring::open_all`), the \
         one that opens its key file is right"
    )]
    AmbiguousEntry {
        /// The vault.
        vault: VaultId,
        /// The generation.
        generation: u32,
    },
    /// More entries than a keyring can have by itself.
    #[error("the keyring at {location} lists more than {limit} entries {place}: something else writes there")]
    TooManyEntries {
        /// The store.
        location: String,
        /// How many are read at most.
        limit: usize,
        /// For one vault, or altogether.
        place: &'static str,
    },
    /// The store failed.
    #[error("could not {action} the keyring at {location}")]
    Store {
        /// What was tried, such as "read".
        action: &'static str,
        /// The store.
        location: String,
        /// Why it failed.
        #[source]
        source: keepsake_store::Error,
    },
}

/// The path as one word for a POSIX shell, so that the remedy can be pasted.
fn shell_quoted(path: &std::path::Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn remedies_can_be_pasted_into_a_shell() {
        assert_eq!(super::shell_quoted("/etc/keepsake/master.key".as_ref()), "/etc/keepsake/master.key");
        assert_eq!(super::shell_quoted("/my keys/it's".as_ref()), r"'/my keys/it'\''s'");
    }
}
