//! Key files: a vault's master key, sealed by what scrypt derives from a password. One vault has one master key and one
//! key file for each password.
//!
//! The document is restic's and is not encrypted, so it must hold nothing that identifies anyone: user and host stay
//! empty.

use crate::{
    crypto::{Key, KeyBytes, OpenError, SealError},
    json::{self, JsonError},
    password::{Cost, Password},
    time::Time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Largest key file that is read; restic's have about 450 bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// Most memory that deriving may take: restic's own calibration stops at 60 MiB.
const MAX_MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// Most work, as `N * r * p`: 64 times restic's floor, some 6 s.
const MAX_WORK: u64 = 1 << 24;
const SALT_BYTES: usize = 64;

/// A key file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is no such document.
    #[error("it is no restic key file")]
    Json(#[source] JsonError),
    /// It is derived in a way that is unknown, absurd or meant to exhaust the machine.
    #[error("its scrypt parameters (N {n}, r {r}, p {p}) are out of bounds, or it uses another derivation")]
    Derivation {
        /// Number of blocks.
        n: u64,
        /// Block size.
        r: u64,
        /// Passes.
        p: u64,
    },
    /// The password does not fit, or the file was changed.
    #[error("the password does not open it")]
    Open(#[source] OpenError),
    /// It holds no key.
    #[error("its content is no key")]
    NoKey,
    /// A new one cannot be made.
    #[error("no randomness from the operating system")]
    Seal(#[from] SealError),
}

/// A key file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyFile {
    created: Time,
    #[serde(default)]
    username: String,
    #[serde(default)]
    hostname: String,
    kdf: String,
    #[serde(rename = "N")]
    n: u64,
    r: u64,
    p: u64,
    #[serde(with = "base64_bytes")]
    salt: Vec<u8>,
    #[serde(with = "base64_bytes")]
    data: Vec<u8>,
}

/// The content of `data`.
#[derive(Serialize, Deserialize)]
struct Master<'a> {
    #[serde(borrow)]
    mac: MasterMac<'a>,
    encrypt: &'a str,
}

#[derive(Serialize, Deserialize)]
struct MasterMac<'a> {
    k: &'a str,
    r: &'a str,
}

impl KeyFile {
    /// Seals `master` with what is derived from `password`, at the cost that the password's type asks for. Takes that
    /// time: call it off the async threads.
    ///
    /// # Errors
    /// [`Error::Seal`] if there is no randomness.
    pub fn create(master: &Key, password: &Password, now: Timestamp) -> Result<Self, Error> {
        let mut salt = vec![0; SALT_BYTES];
        aws_lc_rs::rand::fill(&mut salt).map_err(SealError::from)?;
        let cost = password.cost();
        let user = derive(password.as_bytes(), &salt, cost)?;
        let mut data = Vec::new();
        user.seal_into(&encode_master(master.bytes()), &mut data)?;
        Ok(Self {
            created: Time::utc(now),
            username: String::new(),
            hostname: String::new(),
            kdf: "scrypt".to_owned(),
            n: 1 << cost.log_n,
            r: cost.r.into(),
            p: cost.p.into(),
            salt,
            data,
        })
    }

    /// Reads the document, without a password.
    ///
    /// # Errors
    /// [`Error::Json`] if it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        json::parse(bytes).map_err(Error::Json)
    }

    /// The document.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }

    /// The master key. Takes as long as the file's parameters ask: call it off the async threads.
    ///
    /// # Errors
    /// [`Error::Derivation`] if the parameters are out of bounds, [`Error::Open`] if the password does not fit,
    /// [`Error::NoKey`] if the file holds something else.
    pub fn open(&self, password: &Password) -> Result<Key, Error> {
        let user = derive(password.as_bytes(), &self.salt, self.cost()?)?;
        let json = Zeroizing::new(user.open(&self.data).map_err(Error::Open)?);
        decode_master(&json).ok_or(Error::NoKey)
    }

    /// What opening costs, if that is within bounds.
    ///
    /// # Errors
    /// [`Error::Derivation`] if not.
    pub fn cost(&self) -> Result<Cost, Error> {
        let Self { n, r, p, .. } = *self;
        let refuse = || Error::Derivation { n, r, p };
        let work = n.checked_mul(r).and_then(|work| work.checked_mul(p)).ok_or_else(refuse)?;
        let memory_bytes = n.checked_mul(r).and_then(|blocks| blocks.checked_mul(128)).ok_or_else(refuse)?;
        let sound = self.kdf == "scrypt"
            && n > 1
            && n.is_power_of_two()
            && r > 0
            && p > 0
            && work <= MAX_WORK
            && memory_bytes <= MAX_MEMORY_BYTES
            && r.saturating_mul(p).saturating_mul(128) <= MAX_MEMORY_BYTES;
        let cost = || {
            Some(Cost { log_n: u8::try_from(n.ilog2()).ok()?, r: u32::try_from(r).ok()?, p: u32::try_from(p).ok()? })
        };
        sound.then(cost).flatten().ok_or_else(refuse)
    }
}

fn derive(password: &[u8], salt: &[u8], cost: Cost) -> Result<Key, Error> {
    let refuse = || Error::Derivation { n: 1_u64 << cost.log_n, r: cost.r.into(), p: cost.p.into() };
    let params = scrypt::Params::new(cost.log_n, cost.r, cost.p).map_err(|_| refuse())?;
    let mut derived = Zeroizing::new([0; KeyBytes::LEN_BYTES]);
    scrypt::scrypt(password, salt, &params, derived.as_mut()).map_err(|_| refuse())?;
    Ok(Key::from_bytes(KeyBytes::from_derived(&derived))?)
}

fn encode_master(key: &KeyBytes) -> Zeroizing<Vec<u8>> {
    let text = |bytes: &[u8]| Zeroizing::new(STANDARD.encode(bytes));
    let (encrypt, k, r) = (text(&key.encrypt), text(&key.mac_k), text(&key.mac_r));
    let master = Master { mac: MasterMac { k: &k, r: &r }, encrypt: &encrypt };
    // Enough room at once: a buffer that grows leaves copies of the key behind.
    let mut json = Zeroizing::new(Vec::with_capacity(256));
    serde_json::to_writer(&mut *json, &master).expect("texts always serialise");
    json
}

fn decode_master(json: &[u8]) -> Option<Key> {
    let master: Master<'_> = serde_json::from_slice(json).ok()?;
    let mut bytes = KeyBytes { encrypt: [0; 32], mac_k: [0; 16], mac_r: [0; 16] };
    let fill = |text: &str, into: &mut [u8]| {
        let decoded = Zeroizing::new(STANDARD.decode(text).ok()?);
        (decoded.len() == into.len()).then(|| into.copy_from_slice(&decoded))
    };
    fill(master.encrypt, &mut bytes.encrypt)?;
    fill(master.mac.k, &mut bytes.mac_k)?;
    fill(master.mac.r, &mut bytes.mac_r)?;
    Key::from_bytes(bytes).ok()
}

/// Go's form of bytes in JSON.
mod base64_bytes {
    use super::STANDARD;
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(|_| de::Error::custom("not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::{HumanPassword, MachineSecret};
    use proptest::prelude::*;

    fn secret() -> Password {
        MachineSecret::parse(&"5a".repeat(32)).unwrap().into()
    }

    fn now() -> Timestamp {
        "2026-06-06T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn s16_a_key_file_opens_with_its_password_only_and_has_the_cost_of_its_type() {
        let master = Key::generate().unwrap();
        let machine = KeyFile::create(&master, &secret(), now()).unwrap();
        let human: Password = HumanPassword::new("cake").unwrap().into();
        let human_file = KeyFile::create(&master, &human, now()).unwrap();
        assert_eq!(machine.cost().unwrap(), Cost::MACHINE);
        assert_eq!(human_file.cost().unwrap(), Cost::HUMAN);
        for (file, password) in [(&machine, &secret()), (&human_file, &human)] {
            let read = KeyFile::parse(&file.encode()).unwrap();
            assert!(read.open(password).unwrap().same(&master));
        }
        assert!(matches!(machine.open(&human), Err(Error::Open(_))));
        let json: serde_json::Value = serde_json::from_slice(&machine.encode()).unwrap();
        assert_eq!((&json["username"], &json["hostname"]), (&"".into(), &"".into()), "names nobody");
    }

    #[test]
    fn parameters_that_would_exhaust_the_machine_are_refused_before_any_work() {
        let file = KeyFile::create(&Key::generate().unwrap(), &secret(), now()).unwrap();
        let with = |n, r, p| KeyFile { n, r, p, ..file.clone() };
        for bad in [
            with(1 << 40, 8, 1),
            with(1 << 22, 8, 1),
            with(1 << 15, 8, 1 << 20),
            with(2, 1 << 40, 1),
            with(u64::MAX, u64::MAX, u64::MAX),
            with(1000, 8, 1),
            with(1, 8, 1),
            with(0, 8, 1),
            with(1024, 0, 1),
            with(1024, 8, 0),
            KeyFile { kdf: "argon2id".to_owned(), ..file.clone() },
        ] {
            assert!(matches!(bad.open(&secret()), Err(Error::Derivation { .. })), "{bad:?}");
        }
        assert!(with(1 << 16, 8, 6).cost().is_ok(), "what restic's calibration yields on a fast machine");
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused() {
        let user = derive(secret().as_bytes(), &[7; 64], Cost::MACHINE).unwrap();
        let file = KeyFile::create(&Key::generate().unwrap(), &secret(), now()).unwrap();
        for content in [
            "",
            "{}",
            r#"{"mac":{"k":"AA==","r":"AA=="},"encrypt":"AA=="}"#,
            r#"{"mac":{"k":"*","r":""},"encrypt":""}"#,
        ] {
            let mut data = Vec::new();
            user.seal_into(content.as_bytes(), &mut data).unwrap();
            let file = KeyFile { salt: vec![7; 64], data, ..file.clone() };
            assert!(matches!(file.open(&secret()), Err(Error::NoKey)));
        }
        assert!(matches!(KeyFile::parse(b"{}"), Err(Error::Json(_))));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(KeyFile::parse(&noise).is_err());
        }
    }
}
