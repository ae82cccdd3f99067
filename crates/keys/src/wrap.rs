//! Wrapping a vault's secret (safety rule S16): AES-256-GCM-SIV under a key derived from the master key, bound to what the
//! secret is for. The document is specified in `docs/format/keyring.md`.
//!
//! GCM-SIV rather than GCM, because one master key wraps a secret for each vault ever made: a repeated nonce then tells
//! at most that two secrets are equal.

use crate::{
    Error, MasterKey, MasterKeyId, Result, VaultSecret,
    secret::{KEY_BYTES, fill},
};
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use jiff::Timestamp;
use keepsake_domain::VaultId;
use rand::TryCryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The version of the document that this build writes, and the only one it reads.
pub const VERSION: u32 = 1;

/// Longest organisation, in bytes of UTF-8.
pub const MAX_ORGANISATION_BYTES: usize = 512;

const FORMAT: &str = "keepsake-keyring-entry";
const CIPHER: &str = "AES-256-GCM-SIV";
const CIPHERTEXT_BYTES: usize = KEY_BYTES + 16;

/// What a secret is for. It stands in the entry in clear, and the entry opens only while it is unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The vault.
    pub vault: VaultId,
    /// Which secret of this vault, counted from 1; a rotation makes the next.
    pub generation: u32,
    /// The organisation that the vault belongs to, by its id; at most [`MAX_ORGANISATION_BYTES`].
    pub organisation: String,
}

/// A wrapped secret: what a keyring entry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrapped {
    format: String,
    version: u32,
    vault: VaultId,
    generation: u32,
    organisation: String,
    master_key_id: MasterKeyId,
    created: Timestamp,
    cipher: String,
    #[serde(with = "hex::serde")]
    nonce: [u8; NONCE_LEN],
    #[serde(with = "hex::serde")]
    ciphertext: Vec<u8>,
}

/// The fields that every version of the document has.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u32,
}

/// Why a document did not open. The keyring adds the entry's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It is no entry of a known version.
    #[error("{0}")]
    Malformed(String),
    /// It was wrapped by another master key.
    #[error("it needs the master key {needed}")]
    WrongMasterKey {
        /// That key.
        needed: MasterKeyId,
    },
    /// It was wrapped by this key, but its text or ciphertext is not what was wrapped.
    #[error("it was altered after it was wrapped")]
    Altered,
}

impl Wrapped {
    /// Wraps `secret` for `binding`. `created` is information only, though it cannot be changed either.
    ///
    /// # Errors
    /// [`Error::OrganisationTooLong`], [`Error::Random`].
    pub fn seal(
        master: &MasterKey,
        binding: &Binding,
        secret: &VaultSecret,
        created: Timestamp,
        random: &mut impl TryCryptoRng,
    ) -> Result<Self> {
        let len_bytes = binding.organisation.len();
        if len_bytes > MAX_ORGANISATION_BYTES {
            return Err(Error::OrganisationTooLong { len_bytes, limit_bytes: MAX_ORGANISATION_BYTES });
        }
        let mut nonce = [0; NONCE_LEN];
        fill(random, &mut nonce)?;
        let mut document = Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            vault: binding.vault,
            generation: binding.generation,
            organisation: binding.organisation.clone(),
            master_key_id: master.id(),
            created,
            cipher: CIPHER.to_owned(),
            nonce,
            ciphertext: Vec::new(),
        };
        // Encrypted in place at its final size, so that no plaintext stays behind in a freed buffer.
        let mut sealed = Vec::with_capacity(CIPHERTEXT_BYTES);
        sealed.extend_from_slice(secret.bytes());
        key(master)
            .seal_in_place_append_tag(document.nonce(), Aad::from(document.associated()), &mut sealed)
            .expect("48 bytes are within the cipher's limits");
        document.ciphertext = sealed;
        Ok(document)
    }

    /// The secret, if `master` wrapped it and nothing was changed since.
    ///
    /// # Errors
    /// [`Refused`] by cause.
    pub fn open(&self, master: &MasterKey) -> Result<VaultSecret, Refused> {
        if self.master_key_id != master.id() {
            return Err(Refused::WrongMasterKey { needed: self.master_key_id });
        }
        let mut sealed = Zeroizing::new(self.ciphertext.clone());
        let opened = key(master)
            .open_in_place(self.nonce(), Aad::from(self.associated()), &mut sealed)
            .map_err(|_| Refused::Altered)?;
        let opened: &[u8; KEY_BYTES] = (&*opened).try_into().map_err(|_| Refused::Altered)?;
        Ok(VaultSecret::from_bytes(opened))
    }

    /// What the secret is for, as the document says; true once it has opened.
    pub fn binding(&self) -> Binding {
        Binding { vault: self.vault, generation: self.generation, organisation: self.organisation.clone() }
    }

    /// The key that wrapped it.
    pub fn master_key_id(&self) -> MasterKeyId {
        self.master_key_id
    }

    /// When it was wrapped, by the clock of the machine that did.
    pub fn created(&self) -> Timestamp {
        self.created
    }

    /// The document: JSON on one line with a newline.
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec(self).expect("numbers, texts and hex always serialise");
        json.push(b'\n');
        json
    }

    /// Reads a document; unknown fields, versions and ciphers are refused, not guessed.
    ///
    /// # Errors
    /// [`Refused::Malformed`] says what does not fit.
    pub fn from_json(json: &[u8]) -> Result<Self, Refused> {
        let malformed = |reason: &str| Refused::Malformed(reason.to_owned());
        // The parser's own message may quote the text; its place is enough.
        let unread = |error: serde_json::Error| {
            Refused::Malformed(format!("line {}, column {} is not as specified", error.line(), error.column()))
        };
        // First the two fields that every version has, so that a newer one is named as such.
        let head: Head = serde_json::from_slice(json).map_err(unread)?;
        if head.format != FORMAT {
            return Err(malformed("it is no keyring entry"));
        }
        if head.version != VERSION {
            return Err(Refused::Malformed(format!("version {} is not known to this program", head.version)));
        }
        let document: Self = serde_json::from_slice(json).map_err(unread)?;
        if document.cipher != CIPHER {
            return Err(malformed("its cipher is unknown"));
        }
        if document.ciphertext.len() != CIPHERTEXT_BYTES || document.organisation.len() > MAX_ORGANISATION_BYTES {
            return Err(malformed("a field has the wrong length"));
        }
        Ok(document)
    }

    fn nonce(&self) -> Nonce {
        Nonce::assume_unique_for_key(self.nonce)
    }

    /// The associated data: every other field of the document, each after its length, so that no two documents share it.
    fn associated(&self) -> Vec<u8> {
        let version = self.version.to_string();
        let generation = self.generation.to_string();
        let (vault, master, created) =
            (self.vault.to_string(), self.master_key_id.to_string(), self.created.to_string());
        let fields: [&str; 8] =
            [&self.format, &version, &vault, &generation, &self.organisation, &master, &created, &self.cipher];
        let mut data = Vec::new();
        for field in fields {
            data.extend_from_slice(&(field.len() as u64).to_be_bytes());
            data.extend_from_slice(field.as_bytes());
        }
        data
    }
}

fn key(master: &MasterKey) -> LessSafeKey {
    let wrapping = master.wrapping();
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, wrapping.as_ref()).expect("the key has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn binding(byte: u8, generation: u32, organisation: &str) -> Binding {
        let vault = VaultId::from_uuid(uuid::Uuid::from_bytes([byte; 16]));
        Binding { vault, generation, organisation: organisation.to_owned() }
    }

    fn at() -> Timestamp {
        "2026-06-06T12:00:00Z".parse().unwrap()
    }

    fn sealed() -> (MasterKey, VaultSecret, Wrapped) {
        let (master, mut random) = (MasterKey::fixed(1), StdRng::seed_from_u64(1));
        let secret = VaultSecret::generate(&mut random).unwrap();
        let wrapped = Wrapped::seal(&master, &binding(9, 3, "acme"), &secret, at(), &mut random).unwrap();
        (master, secret, wrapped)
    }

    #[test]
    fn s16_each_bound_field_keeps_the_secret_closed_when_it_is_changed() {
        let (master, secret, wrapped) = sealed();
        assert_eq!(wrapped.open(&master).unwrap(), secret);
        let changes: [fn(&mut Wrapped); 7] = [
            |it| it.vault = VaultId::from_uuid(uuid::Uuid::from_bytes([8; 16])),
            |it| it.generation = 2,
            |it| it.organisation = "acm".to_owned(),
            |it| it.created = "2026-06-06T12:00:01Z".parse().unwrap(),
            |it| it.version = 2,
            |it| it.nonce[0] ^= 1,
            |it| it.ciphertext[47] ^= 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = wrapped.clone();
            change(&mut other);
            assert_eq!(other.open(&master), Err(Refused::Altered), "change {number}");
        }
    }

    #[test]
    fn s16_the_master_key_id_is_bound_too() {
        let (master, _, wrapped) = sealed();
        let other = MasterKey::fixed(2);
        assert_eq!(wrapped.open(&other), Err(Refused::WrongMasterKey { needed: master.id() }));
        // Claiming to be of the other key does not open it with that key either.
        let mut claimed = wrapped;
        claimed.master_key_id = other.id();
        assert_eq!(claimed.open(&other), Err(Refused::Altered));
    }

    #[test]
    fn s16_the_cipher_has_256_bit_keys_and_hides_the_secret() {
        assert_eq!(AES_256_GCM_SIV.key_len(), 32);
        let (_, secret, wrapped) = sealed();
        let json = String::from_utf8(wrapped.to_json()).unwrap();
        assert!(json.contains("\"cipher\":\"AES-256-GCM-SIV\""));
        assert!(!json.contains(secret.expose().as_str()));
    }

    #[test]
    fn version_1_opens_for_ever() {
        // Written by the first build. Never regenerate it: older keyrings look like this.
        let golden = include_str!("../tests/golden/entry-v1.json");
        let opened = Wrapped::from_json(golden.as_bytes()).unwrap();
        assert_eq!(opened.binding(), binding(9, 3, "acme"));
        let (master, secret, now) = sealed();
        assert_eq!(opened.open(&master).unwrap(), secret);
        assert_eq!(String::from_utf8(now.to_json()).unwrap(), golden);
    }

    #[test]
    fn other_documents_are_refused_and_never_quoted() {
        let good = String::from_utf8(sealed().2.to_json()).unwrap();
        for (from, to) in [
            ("keepsake-keyring-entry", "something"),
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":1,\"extra\":1"),
            ("AES-256-GCM-SIV", "none"),
            ("\"ciphertext\":\"", "\"ciphertext\":\"00"),
            ("\"nonce\":\"", "\"nonce\":\"zz"),
            ("\"acme\"", &format!("\"{}\"", "a".repeat(MAX_ORGANISATION_BYTES + 1))),
        ] {
            let bad = good.replacen(from, to, 1);
            let refused = Wrapped::from_json(bad.as_bytes()).unwrap_err();
            assert!(matches!(&refused, Refused::Malformed(_)), "{from}: {refused}");
        }
        for bad in ["", "{}", "null", "[[[[", &good[..good.len() / 2]] {
            assert!(Wrapped::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_organisation_without_end_is_refused() {
        let (master, secret, _) = sealed();
        let long = binding(1, 1, &"o".repeat(MAX_ORGANISATION_BYTES + 1));
        let error = Wrapped::seal(&master, &long, &secret, at(), &mut StdRng::seed_from_u64(1)).unwrap_err();
        assert!(error.to_string().contains("at most 512"), "{error}");
    }

    proptest! {
        #[test]
        fn s16_secrets_round_trip(seed: u64, generation: u32, organisation in ".{0,60}", byte: u8) {
            let (master, mut random) = (MasterKey::fixed(byte), StdRng::seed_from_u64(seed));
            let secret = VaultSecret::generate(&mut random).unwrap();
            let binding = binding(byte, generation, &organisation);
            let wrapped = Wrapped::seal(&master, &binding, &secret, at(), &mut random).unwrap();
            let read = Wrapped::from_json(&wrapped.to_json()).unwrap();
            prop_assert_eq!(read.binding(), binding);
            prop_assert_eq!(read.open(&master), Ok(secret));
        }

        #[test]
        fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Wrapped::from_json(&bytes).is_err());
        }
    }
}
