//! Sealing and opening of everything that a vault stores: AES-256 in counter mode, authenticated by Poly1305-AES.
//!
//! The layout is restic's: `IV (16) || ciphertext || tag (16)`, with a random IV for each sealing. There is no associated
//! data: a blob is bound to its name by the SHA-256 of its plaintext, and a file by that of its stored bytes, which is
//! for the caller to compare. Poly1305-AES is not FIPS-approved; a FIPS deployment needs another codec.
//!
//! The one-time Poly1305 key is `r || AES-128_k(IV)`.

use aws_lc_rs::{
    cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time,
    error::Unspecified,
    iv::FixedLength,
    rand,
};
use poly1305::{
    Block, Poly1305,
    universal_hash::{KeyInit, UniversalHash},
};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Length of the initialisation vector in front of a ciphertext.
pub const IV_BYTES: usize = 16;
/// Length of the tag behind it.
pub const TAG_BYTES: usize = 16;
/// What sealing adds to a plaintext.
pub const OVERHEAD_BYTES: usize = IV_BYTES + TAG_BYTES;

/// Data that this key did not seal, or that was changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Not even room for an IV and a tag.
    #[error("{len_bytes} bytes are too few for a sealed message")]
    TooShort {
        /// Length of what was given.
        len_bytes: usize,
    },
    /// The tag does not fit.
    #[error("the authentication tag does not fit: another key, or changed bytes")]
    Tag,
}

/// The operating system has no randomness to give, or the cryptographic library failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cryptographic library failed: no randomness from the operating system?")]
pub struct SealError;

impl From<Unspecified> for SealError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// The bytes of a key, as the key file stores them.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct KeyBytes {
    /// The AES-256 key.
    pub encrypt: [u8; 32],
    /// The AES-128 key that makes one-time Poly1305 keys.
    pub mac_k: [u8; 16],
    /// The Poly1305 multiplier, with restic's bits cleared.
    pub mac_r: [u8; 16],
}

impl KeyBytes {
    /// Total length: also of what the password derivation yields.
    pub const LEN_BYTES: usize = 64;

    /// Splits 64 bytes in restic's order: encryption key, `k`, `r`.
    pub fn from_derived(bytes: &[u8; Self::LEN_BYTES]) -> Self {
        let mut key = Self { encrypt: [0; 32], mac_k: [0; 16], mac_r: [0; 16] };
        let (encrypt, mac) = bytes.split_at(32);
        let (mac_k, mac_r) = mac.split_at(16);
        key.encrypt.copy_from_slice(encrypt);
        key.mac_k.copy_from_slice(mac_k);
        key.mac_r.copy_from_slice(mac_r);
        key.clear_r_bits();
        key
    }

    /// Clears the bits that Poly1305 ignores, so that a key has one spelling.
    fn clear_r_bits(&mut self) {
        const MASK: u128 = 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
        self.mac_r = (u128::from_le_bytes(self.mac_r) & MASK).to_le_bytes();
    }
}

impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(redacted)")
    }
}

/// A key ready for use: the AES schedules are expanded once. Share it behind an `Arc`.
pub struct Key {
    bytes: KeyBytes,
    cipher: EncryptingKey,
    mac: EncryptingKey,
}

impl Key {
    /// A new random key.
    ///
    /// # Errors
    /// [`SealError`] if the operating system has no randomness.
    pub fn generate() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KeyBytes::LEN_BYTES]);
        rand::fill(bytes.as_mut())?;
        Self::from_bytes(KeyBytes::from_derived(&bytes))
    }

    /// A key from its bytes.
    ///
    /// # Errors
    /// [`SealError`] if the library refuses.
    pub fn from_bytes(bytes: KeyBytes) -> Result<Self, SealError> {
        let cipher = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, &bytes.encrypt)?)?;
        let mac = EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, &bytes.mac_k)?)?;
        Ok(Self { bytes, cipher, mac })
    }

    /// The bytes, for the key file only.
    pub(crate) fn bytes(&self) -> &KeyBytes {
        &self.bytes
    }

    /// Whether two keys are the same, in constant time.
    pub fn same(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.bytes.encrypt, &other.bytes.encrypt).is_ok()
            && constant_time::verify_slices_are_equal(&self.bytes.mac_k, &other.bytes.mac_k).is_ok()
            && constant_time::verify_slices_are_equal(&self.bytes.mac_r, &other.bytes.mac_r).is_ok()
    }

    /// Appends `IV || ciphertext || tag` of `plaintext` to `out`, and returns how many bytes that were.
    ///
    /// # Errors
    /// [`SealError`] if there is no randomness; `out` is then as it was.
    pub fn seal_into(&self, plaintext: &[u8], out: &mut Vec<u8>) -> Result<usize, SealError> {
        self.seal_into_with_iv(random_iv()?, plaintext, out)
    }

    /// As [`Self::seal_into`], with an IV that was never used with this key.
    pub(crate) fn seal_into_with_iv(
        &self,
        iv: [u8; IV_BYTES],
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<usize, SealError> {
        let start = out.len();
        out.reserve(plaintext.len() + OVERHEAD_BYTES);
        out.extend_from_slice(&iv);
        out.extend_from_slice(plaintext);
        let sealed = match out.get_mut(start + IV_BYTES..) {
            Some(text) => self.encrypt(iv, text),
            None => Err(SealError),
        };
        match sealed {
            Ok(tag) => out.extend_from_slice(&tag),
            Err(error) => {
                out.truncate(start);
                return Err(error);
            }
        }
        Ok(plaintext.len() + OVERHEAD_BYTES)
    }

    /// Seals a buffer that starts with [`IV_BYTES`] bytes of room, followed by the plaintext. Nothing is copied; the
    /// tag is appended, so room for [`TAG_BYTES`] more in the buffer's capacity avoids a move.
    ///
    /// # Errors
    /// [`SealError`] if the buffer has no room for the IV, or there is no randomness.
    pub fn seal_in_place(&self, buffer: &mut Vec<u8>) -> Result<(), SealError> {
        let iv = random_iv()?;
        let (head, text) = buffer.split_first_chunk_mut::<IV_BYTES>().ok_or(SealError)?;
        *head = iv;
        let tag = self.encrypt(iv, text)?;
        buffer.extend_from_slice(&tag);
        Ok(())
    }

    /// Verifies and decrypts a sealed message into a new buffer.
    ///
    /// # Errors
    /// [`OpenError`] if it is too short, or its tag does not fit.
    pub fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (iv, text, tag) = split(sealed)?;
        self.verify(iv, text, tag)?;
        let mut plaintext = text.to_vec();
        self.apply(*iv, &mut plaintext).map_err(|_| OpenError::Tag)?;
        Ok(plaintext)
    }

    /// Verifies a sealed message and decrypts it where it is; the answer is the part of `sealed` that is plaintext now.
    ///
    /// # Errors
    /// [`OpenError`] if it is too short, or its tag does not fit; `sealed` is then unchanged.
    pub fn open_in_place<'a>(&self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], OpenError> {
        let (iv, text, tag) = split(sealed)?;
        let iv = *iv;
        self.verify(&iv, text, tag)?;
        let end = sealed.len() - TAG_BYTES;
        let text = sealed.get_mut(IV_BYTES..end).ok_or(OpenError::Tag)?;
        self.apply(iv, text).map_err(|_| OpenError::Tag)?;
        Ok(text)
    }

    fn encrypt(&self, iv: [u8; IV_BYTES], text: &mut [u8]) -> Result<[u8; TAG_BYTES], SealError> {
        self.apply(iv, text)?;
        Ok(self.tag(&iv, text)?)
    }

    /// Adds the key stream of `iv`, which encrypts and decrypts.
    fn apply(&self, iv: [u8; IV_BYTES], text: &mut [u8]) -> Result<(), Unspecified> {
        self.cipher.less_safe_encrypt(text, EncryptionContext::Iv128(FixedLength::from(iv))).map(|_| ())
    }

    fn verify(&self, iv: &[u8; IV_BYTES], text: &[u8], tag: &[u8]) -> Result<(), OpenError> {
        let expected = self.tag(iv, text).map_err(|_| OpenError::Tag)?;
        constant_time::verify_slices_are_equal(&expected, tag).map_err(|_| OpenError::Tag)
    }

    fn tag(&self, iv: &[u8; IV_BYTES], text: &[u8]) -> Result<[u8; TAG_BYTES], Unspecified> {
        let mut one_time = Zeroizing::new([0; 32]);
        let (r, s) = one_time.split_at_mut(16);
        r.copy_from_slice(&self.bytes.mac_r);
        // The first block of the key stream is the encryption of the counter block, which is the IV.
        self.mac.less_safe_encrypt(s, EncryptionContext::Iv128(FixedLength::from(*iv)))?;
        let mut poly = Poly1305::new((&*one_time).into());
        // `compute_unpadded` works a block at a time; whole blocks go through the vectorised path first.
        let (blocks, rest) = Block::slice_as_chunks(text);
        poly.update(blocks);
        Ok(poly.compute_unpadded(rest).into())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

fn random_iv() -> Result<[u8; IV_BYTES], SealError> {
    let mut iv = [0; IV_BYTES];
    rand::fill(&mut iv)?;
    Ok(iv)
}

type Parts<'a> = (&'a [u8; IV_BYTES], &'a [u8], &'a [u8; TAG_BYTES]);

fn split(sealed: &[u8]) -> Result<Parts<'_>, OpenError> {
    let too_short = OpenError::TooShort { len_bytes: sealed.len() };
    let (iv, rest) = sealed.split_first_chunk().ok_or(too_short)?;
    let (text, tag) = rest.split_last_chunk().ok_or(too_short)?;
    Ok((iv, text, tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Key {
        let mut bytes = [0; 64];
        for (value, byte) in (0..).zip(&mut bytes) {
            *byte = value;
        }
        Key::from_bytes(KeyBytes::from_derived(&bytes)).unwrap()
    }

    #[test]
    fn the_tag_is_that_of_the_published_poly1305_aes_example() {
        // D. J. Bernstein, "The Poly1305-AES message-authentication code", appendix B, second example (messages of 2 bytes).
        let hex16 = |text: &str| <[u8; 16]>::try_from(hex::decode(text).unwrap()).unwrap();
        let bytes = KeyBytes {
            encrypt: [0; 32],
            mac_k: hex16("ec074c835580741701425b623235add6"),
            mac_r: hex16("851fc40c3467ac0be05cc20404f3f700"),
        };
        let key = Key::from_bytes(bytes).unwrap();
        let tag = key.tag(&hex16("fb447350c4e868c52ac3275cf9d4327e"), &hex::decode("f3f6").unwrap()).unwrap();
        assert_eq!(hex::encode(tag), "f4c633c3044fc145f84f335cb81953de");
    }

    #[test]
    fn the_counter_carries_over_all_sixteen_bytes() {
        let key = key();
        let mut whole = vec![0; 64];
        key.apply([0xff; 16], &mut whole).unwrap();
        let mut second = vec![0; 48];
        key.apply([0; 16], &mut second).unwrap();
        assert_eq!(whole[16..], second[..], "the block after ff..ff is 00..00, as in Go's counter mode");
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_leaves_the_message_unchanged() {
        let key = key();
        let mut sealed = Vec::new();
        key.seal_into(b"seat the aunt far from the band", &mut sealed).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut broken = sealed.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let before = broken.clone();
            assert_eq!(key.open(&broken), Err(OpenError::Tag));
            assert!(key.open_in_place(&mut broken).is_err());
            assert_eq!(broken, before);
        }
        let other = Key::generate().unwrap();
        assert_eq!(other.open(&sealed), Err(OpenError::Tag));
        assert!(!other.same(&key) && key.same(&super::tests::key()));
    }

    #[test]
    fn short_messages_are_errors() {
        for len_bytes in 0..OVERHEAD_BYTES {
            assert_eq!(key().open(&vec![0; len_bytes]), Err(OpenError::TooShort { len_bytes }));
        }
        assert!(key().seal_in_place(&mut vec![0; 15]).is_err());
    }

    #[test]
    fn no_secret_shows_in_debug() {
        assert_eq!(format!("{:?} {:?}", key(), key().bytes()), "Key(redacted) KeyBytes(redacted)");
    }

    proptest! {
        #[test]
        fn sealing_round_trips_in_both_forms(plaintext in prop::collection::vec(any::<u8>(), 0..5000)) {
            let key = key();
            let mut sealed = b"before".to_vec();
            let added = key.seal_into(&plaintext, &mut sealed).unwrap();
            prop_assert_eq!(added, plaintext.len() + OVERHEAD_BYTES);
            prop_assert_eq!(key.open(&sealed[6..]).unwrap(), &plaintext[..]);

            let mut buffer = vec![0; IV_BYTES];
            buffer.extend_from_slice(&plaintext);
            key.seal_in_place(&mut buffer).unwrap();
            prop_assert_ne!(&buffer[..], &sealed[6..], "each sealing has its own IV");
            prop_assert_eq!(key.open_in_place(&mut buffer).unwrap(), &plaintext[..]);
        }

        #[test]
        fn opening_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(key().open(&noise).is_err());
        }
    }
}
