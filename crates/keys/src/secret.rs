//! The secret of one vault: the password of its restic repository.

use crate::{Error, Result};
use rand::TryCryptoRng;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of every symmetric key here, in bytes.
pub const KEY_BYTES: usize = 32;

/// 32 random bytes, made by machine and so beyond guessing: the only kind of secret for which a vault may use small scrypt
/// parameters (safety rule S16). A password that a person chose is never one of these.
///
/// Wiped from memory when dropped; `Debug` shows nothing of it; compared in constant time.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct VaultSecret([u8; KEY_BYTES]);

impl VaultSecret {
    /// A new secret from the given source of randomness, [`rand::rngs::SysRng`] outside tests.
    ///
    /// # Errors
    /// [`Error::Random`] if it fails.
    pub fn generate(random: &mut impl TryCryptoRng) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(random, bytes.as_mut())?;
        Ok(Self::from_bytes(&bytes))
    }

    /// The secret as restic's password: 64 lower-case hexadecimal digits, no newline. Wiped when dropped.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// A name of the secret that says nothing about it, for the catalog and for comparing: 16 bytes by HKDF, in hex.
    pub fn fingerprint(&self) -> String {
        let mut name = [0; 16];
        derive(&self.0, b"keepsake/v1/vault-secret-fingerprint", &mut name);
        hex::encode(name)
    }

    pub(crate) fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(*bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl PartialEq for VaultSecret {
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for VaultSecret {}

impl fmt::Debug for VaultSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VaultSecret(redacted)")
    }
}

/// Fills `bytes`, turning whatever the source of randomness says into our error.
pub(crate) fn fill(random: &mut impl TryCryptoRng, bytes: &mut [u8]) -> Result<()> {
    random.try_fill_bytes(bytes).map_err(|error| Error::Random { reason: error.to_string() })
}

/// HKDF-SHA256 without salt (the keys are uniformly random): `out` is bound to `label`, and tells nothing of `key`.
pub(crate) fn derive(key: &[u8; KEY_BYTES], label: &[u8], out: &mut [u8]) {
    use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    Salt::new(HKDF_SHA256, &[])
        .extract(key)
        .expand(&[label], Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("HKDF-SHA256 gives up to 8160 bytes and the callers ask for at most 32");
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn secrets_are_random_and_never_shown() {
        let mut random = StdRng::seed_from_u64(1);
        let (one, two) = (VaultSecret::generate(&mut random).unwrap(), VaultSecret::generate(&mut random).unwrap());
        assert_ne!(one, two);
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(one.expose().len(), 64);
        assert!(one.expose().chars().all(|c| c.is_ascii_hexdigit()));
        let shown = format!("{one:?} {}", one.fingerprint());
        assert!(!shown.contains(&one.expose()[..8]), "{shown}");
    }

    /// A source of randomness that is closed.
    struct Closed;

    impl rand::TryRng for Closed {
        type Error = std::fmt::Error;

        fn try_next_u32(&mut self) -> Result<u32, std::fmt::Error> {
            Err(std::fmt::Error)
        }

        fn try_next_u64(&mut self) -> Result<u64, std::fmt::Error> {
            Err(std::fmt::Error)
        }

        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), std::fmt::Error> {
            Err(std::fmt::Error)
        }
    }

    impl TryCryptoRng for Closed {}

    #[test]
    fn without_randomness_no_key_is_made() {
        assert!(matches!(VaultSecret::generate(&mut Closed), Err(Error::Random { .. })));
        let folder = tempfile::tempdir().unwrap();
        let made = crate::MasterKey::create(&folder.path().join("master.key"), &mut Closed);
        assert!(matches!(made, Err(Error::Random { .. })), "{made:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn derived_values_are_hkdf_sha256() {
        // RFC 5869 has no case of a 32-byte key without salt; this one was computed with Python's hmac module.
        let mut out = [0; 32];
        derive(&[0x0b; 32], b"label", &mut out);
        assert_eq!(hex::encode(out), "b9353292f1f5b8de7612eb413046cf02268318c8b1ec020e2e50f050bd2cb646");
    }
}
