//! Names of entries.

use aws_lc_rs::digest::{SHA256, digest};
use keepsake_domain::VaultId;
use keepsake_store::Key;
use std::fmt;

/// The name of one entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryName {
    /// The vault.
    pub vault: VaultId,
    /// Which secret of the vault.
    pub generation: u32,
    /// SHA-256 of the entry's bytes.
    pub sha256: [u8; 32],
}

impl EntryName {
    /// The name of an entry with this content.
    pub fn of(vault: VaultId, generation: u32, content: &[u8]) -> Self {
        Self { vault, generation, sha256: sha256(content) }
    }

    /// Whether `content` is what the name says.
    pub fn fits(&self, content: &[u8]) -> bool {
        sha256(content) == self.sha256
    }

    /// Where the entry is, from the root of the storage target.
    pub fn key(&self) -> Key {
        Key::parse(self.to_string()).expect("ids, digits and hex make a valid name")
    }

    /// Reads a name; `None` for anything that is not spelled exactly as this type writes it.
    pub fn parse(key: &Key) -> Option<Self> {
        let mut segments = key.as_str().split('/');
        let (Some("keyring"), Some(vault), Some(file), None) =
            (segments.next(), segments.next(), segments.next(), segments.next())
        else {
            return None;
        };
        let (generation, hash) = file.split_once('-')?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(hash, &mut sha256).ok()?;
        let name = Self { vault: vault.parse().ok()?, generation: generation.parse().ok()?, sha256 };
        (name.to_string() == key.as_str()).then_some(name)
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keyring/{}/{}-{}", self.vault, self.generation, hex::encode(self.sha256))
    }
}

fn sha256(content: &[u8]) -> [u8; 32] {
    digest(&SHA256, content).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_have_one_spelling() {
        let vault = VaultId::from_uuid(uuid::Uuid::from_bytes([0xab; 16]));
        let name = EntryName::of(vault, 12, b"content");
        assert_eq!(EntryName::parse(&name.key()), Some(name.clone()));
        assert!(name.fits(b"content") && !name.fits(b"other"));
        let good = name.to_string();
        for bad in [
            good.replace("/12-", "/012-"),
            good.replace("/12-", "/+12-"),
            good.replace("/12-", "/99999999999-"),
            good.replace("abab", "ABAB"),
            good.replace("keyring/", "keys/"),
            format!("{good}/x"),
            format!("{good}00"),
            good[..good.len() - 2].to_owned(),
            "keyring/x".to_owned(),
        ] {
            assert_eq!(EntryName::parse(&Key::parse(bad.clone()).unwrap()), None, "{bad}");
        }
    }
}
