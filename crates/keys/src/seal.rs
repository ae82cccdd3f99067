//! Sealing secrets that must lie in the catalog (safety rule S30): connection strings, cloud keys, second factors.
//!
//! AES-256-GCM-SIV under a key derived from the master key. The place of the secret is bound into the seal, so that a sealed
//! value that is copied to another row, column or tenant does not open there. A sealed value is one byte of version, the
//! nonce of 12 bytes, and the ciphertext with its tag.

use crate::{MasterKey, secret::fill};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rand::TryCryptoRng;
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;

/// Where a sealed secret lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organisation whose row it is.
    pub organisation: Uuid,
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: Uuid,
    /// The column.
    pub column: &'a str,
}

impl Place<'_> {
    fn associated(&self) -> Vec<u8> {
        let mut data = Vec::new();
        for part in [
            self.organisation.as_bytes().as_slice(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
        ] {
            // Lengths first, so that no two places have the same bytes.
            data.extend_from_slice(&(part.len() as u64).to_le_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// A secret that cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
    /// It was sealed under another master key or for another place, or was altered.
    #[error(
        "a sealed secret does not open here: it was sealed under another master key or for another place, or altered"
    )]
    Closed,
}

impl MasterKey {
    /// Seals a secret for a place.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn seal(&self, place: Place<'_>, secret: &[u8], random: &mut impl TryCryptoRng) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        fill(random, &mut nonce).map_err(|_| SealError::Random)?;
        let mut sealed = secret.to_vec();
        let key = self.seal_key();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.associated()), &mut sealed)
            .map_err(|_| SealError::Closed)?;
        Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// [`SealError::Closed`].
    pub fn unseal(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (&version, rest) = sealed.split_first().ok_or(SealError::Closed)?;
        let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Closed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Closed)?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        let length = match version {
            VERSION => self.seal_key().open_in_place(nonce, Aad::from(place.associated()), &mut bytes),
            _ => return Err(SealError::Closed),
        }
        .map_err(|_| SealError::Closed)?
        .len();
        bytes.truncate(length);
        Ok(bytes)
    }

    fn seal_key(&self) -> LessSafeKey {
        let key = self.sealing();
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key.as_ref()).expect("a key of 32 bytes is one of AES-256"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::SysRng;

    const PLACE: Place<'_> = Place {
        organisation: Uuid::from_u128(1),
        table: "sources",
        row: Uuid::from_u128(2),
        column: "capture_credential",
    };

    #[test]
    fn s30_a_secret_opens_in_its_place_only() {
        let key = MasterKey::fixed(1);
        let sealed = key.seal(PLACE, b"postgres://backup:secret@db", &mut SysRng).unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_eq!(key.unseal(PLACE, &sealed).unwrap().as_slice(), b"postgres://backup:secret@db");
        let elsewhere = [
            Place { organisation: Uuid::from_u128(3), ..PLACE },
            Place { table: "storage_targets", ..PLACE },
            Place { row: Uuid::from_u128(3), ..PLACE },
            Place { column: "restore_credential", ..PLACE },
        ];
        for place in elsewhere {
            assert_eq!(key.unseal(place, &sealed), Err(SealError::Closed), "{place:?}");
        }
        assert_eq!(MasterKey::fixed(2).unseal(PLACE, &sealed), Err(SealError::Closed));
    }

    #[test]
    fn s30_a_changed_or_cut_seal_does_not_open() {
        let key = MasterKey::fixed(1);
        let sealed = key.seal(PLACE, b"", &mut SysRng).unwrap();
        assert_eq!(key.unseal(PLACE, &sealed).unwrap().as_slice(), b"");
        for length in 0..sealed.len() {
            assert_eq!(key.unseal(PLACE, &sealed[..length]), Err(SealError::Closed));
            let mut changed = sealed.clone();
            changed[length] ^= 1;
            assert_eq!(key.unseal(PLACE, &changed), Err(SealError::Closed));
        }
    }
}
