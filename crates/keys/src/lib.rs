//! Keys: the master key of an installation, the secret of each vault, and the keyring that holds those secrets wrapped.
//!
//! ```text
//! master key (file, 32 random bytes; never stored with the backups)
//!   |- HKDF "master-key-id" -> its name: printed, stored, compared
//!   |- HKDF "wrap"          -> AES-256-GCM-SIV key that seals vault secrets into the keyring
//!   |- HKDF "locate"        -> keyed hash of (source, wedding) -> vault id
//!   '- HKDF of other labels -> journal and token signing, sealing of secrets in the catalog, passwords of its roles
//! vault secret (32 random bytes of its own for each vault) -> password of one restic repository
//! ```
//!
//! Each secret is random and stored in one place, the keyring, so that destroying a vault's entries destroys its data,
//! wherever immutable copies remain. The format is specified in `docs/format/keyring.md`.
//!
//! It leaves the repository itself (scrypt, config, packs) to `keepsake-vault`, and the order in which a vault is created
//! (secret, keyring entry, config, key file, all read back) to `keepsake-app`.

pub mod error;
pub mod keyring;
pub mod locate;
pub mod master;
pub mod seal;
pub mod secret;
pub mod wrap;

pub use error::{Error, Result};
pub use keyring::{Candidates, EntryName, Keyring, Opened};
pub use locate::Subject;
pub use master::{CatalogRole, MasterKey, MasterKeyId};
pub use rand::rngs::SysRng;
pub use seal::{Place, SealError};
pub use secret::VaultSecret;
pub use wrap::{Binding, Wrapped};
