//! The master key of an installation: 32 random bytes in a file of their own.
//!
//! Only derived keys leave this module. Losing the file loses every backup; `keepsake init` says so.

mod create;
mod load;
mod place;

pub use place::{home, place};

use crate::secret::{KEY_BYTES, derive};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const ID_LABEL: &[u8] = b"keepsake/v1/master-key-id";
const WRAP_LABEL: &[u8] = b"keepsake/v1/wrap";
const LOCATE_LABEL: &[u8] = b"keepsake/v1/locate";
const JOURNAL_LABEL: &[u8] = b"keepsake/v1/journal";
const TOKEN_LABEL: &[u8] = b"keepsake/v1/access-token";
const ADDRESS_LABEL: &[u8] = b"keepsake/v1/address-hash";
const CHECKPOINT_LABEL: &[u8] = b"keepsake/v1/audit-checkpoint";
const SEAL_LABEL: &[u8] = b"keepsake/v1/catalog-seal";
const CATALOG_APPLICATION_LABEL: &[u8] = b"keepsake/v1/catalog-role/application";
const CATALOG_WORKER_LABEL: &[u8] = b"keepsake/v1/catalog-role/worker";

/// A role that the service logs in as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogRole {
    /// For requests and use cases.
    Application,
    /// For the queue.
    Worker,
}

/// The key that wraps all vault secrets. Wiped from memory when dropped; `Debug` shows its id only.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; KEY_BYTES]);

impl MasterKey {
    /// Its name, derived by HKDF: may be printed and stored, and tells nothing of the key.
    pub fn id(&self) -> MasterKeyId {
        let mut id = [0; 16];
        derive(&self.0, ID_LABEL, &mut id);
        MasterKeyId(id)
    }

    /// The key under which this installation signs its journal of acts.
    pub fn journal_signing(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(JOURNAL_LABEL)
    }

    /// The key under which the service signs access tokens.
    pub fn token_signing(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(TOKEN_LABEL)
    }

    /// The key under which addresses of people are hashed where they must be told apart and not be known.
    pub fn address_hashing(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(ADDRESS_LABEL)
    }

    /// The seed of the key pair (Ed25519) under which the service signs checkpoints of its audit log.
    pub fn checkpoint_signing(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(CHECKPOINT_LABEL)
    }

    /// The password of one of the service's roles in its catalog: the same on every node, and stored nowhere.
    pub fn catalog_password(&self, role: CatalogRole) -> Zeroizing<String> {
        let label = match role {
            CatalogRole::Application => CATALOG_APPLICATION_LABEL,
            CatalogRole::Worker => CATALOG_WORKER_LABEL,
        };
        Zeroizing::new(hex::encode(self.derived(label).as_ref()))
    }

    /// The key that seals secrets in the catalog.
    pub(crate) fn sealing(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(SEAL_LABEL)
    }

    /// The key that seals vault secrets.
    pub(crate) fn wrapping(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(WRAP_LABEL)
    }

    /// The key of the hash that names vaults.
    pub(crate) fn locating(&self) -> Zeroizing<[u8; KEY_BYTES]> {
        self.derived(LOCATE_LABEL)
    }

    fn derived(&self, label: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        derive(&self.0, label, key.as_mut());
        key
    }

    #[cfg(test)]
    pub(crate) fn fixed(byte: u8) -> Self {
        Self([byte; KEY_BYTES])
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(redacted, id {})", self.id())
    }
}

/// Which master key: 16 bytes, written as 32 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MasterKeyId([u8; 16]);

/// A text that is no master key id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key id has 32 lower-case hexadecimal digits")]
pub struct InvalidMasterKeyId;

impl FromStr for MasterKeyId {
    type Err = InvalidMasterKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidMasterKeyId> {
        let mut id = [0; 16];
        hex::decode_to_slice(text, &mut id).map_err(|_| InvalidMasterKeyId)?;
        // One id has one spelling, so that texts may be compared.
        if hex::encode(id) == text { Ok(Self(id)) } else { Err(InvalidMasterKeyId) }
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeyId({self})")
    }
}

impl Serialize for MasterKeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MasterKeyId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_names_the_key_without_telling_it() {
        let (one, two) = (MasterKey::fixed(1), MasterKey::fixed(2));
        assert_ne!(one.id(), two.id());
        assert_eq!(one.id().to_string().parse(), Ok(one.id()));
        assert_eq!(format!("{one:?}"), format!("MasterKey(redacted, id {})", one.id()));
        assert!(!format!("{one:?}").contains("0101"));
    }

    #[test]
    fn derived_keys_differ_from_each_other_and_from_the_master_key() {
        let key = MasterKey::fixed(1);
        let derived = [
            key.wrapping(),
            key.locating(),
            key.journal_signing(),
            key.token_signing(),
            key.address_hashing(),
            key.checkpoint_signing(),
            key.sealing(),
        ];
        let different: std::collections::BTreeSet<[u8; KEY_BYTES]> = derived.iter().map(|key| **key).collect();
        assert_eq!(different.len(), derived.len());
        let password = |role| key.catalog_password(role);
        assert_ne!(password(CatalogRole::Application), password(CatalogRole::Worker));
        assert_ne!(*key.wrapping(), [1; KEY_BYTES]);
        assert_ne!(key.wrapping()[..16], key.id().0);
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = MasterKey::fixed(1).id().to_string();
        for bad in ["", "ab", &id.to_uppercase(), &format!("{id}0"), &id.replace(|c: char| c.is_ascii_digit(), "g")] {
            assert!(bad.parse::<MasterKeyId>().is_err(), "{bad}");
        }
    }
}
