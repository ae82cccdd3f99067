//! The configuration of a vault: restic's three fields, and a `keepsake` object that restic ignores.

use crate::{
    id::Id,
    json::{self, JsonError},
    polynomial::Polynomial,
};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest configuration that is read; ours have about 500 bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// The repository version that Keepsake writes.
pub const VERSION: u32 = 2;

/// A vault's configuration. Stored sealed, not compressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Repository version: 2, or 1 in repositories of old restic, which are only read.
    pub version: u32,
    /// Random name of the repository.
    pub id: Id,
    /// What stock restic cuts chunks by.
    pub chunker_polynomial: Polynomial,
    /// What Keepsake adds; absent in repositories that restic made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepsake: Option<Extension>,
}

/// What Keepsake adds to the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Version of this object: 1.
    pub format: u32,
    /// What the vault protects.
    pub kind: Kind,
    /// A name for people.
    pub name: String,
    /// What the data comes from: a name without credentials.
    pub source: String,
    /// The wedding's id in its source, for a wedding's vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wedding: Option<String>,
    /// How this vault's data is cut.
    pub chunker: Chunker,
}

/// What a vault protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One wedding.
    Wedding,
    /// A whole database.
    Database,
    /// Files.
    Files,
}

/// How a vault's data is cut into blobs. The seed keys the cut points, so that sizes alone do not identify content
/// (safety rule S17); it is random for each vault and stored only sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunker {
    /// The algorithm and its version: `fastcdc-1`.
    pub algorithm: String,
    /// What the gear table is derived from.
    #[serde(with = "hex_seed")]
    pub seed: [u8; 32],
    /// Smallest chunk but the last of a file, in bytes.
    pub min: u32,
    /// Aimed-at size, in bytes.
    pub avg: u32,
    /// Largest chunk, in bytes.
    pub max: u32,
}

impl Chunker {
    /// The algorithm that new vaults use.
    pub const ALGORITHM: &'static str = "fastcdc-1";

    /// The sizes of a new vault, with a random seed.
    pub fn random<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self { algorithm: Self::ALGORITHM.to_owned(), seed, min: 512 * 1024, avg: 1024 * 1024, max: 8 * 1024 * 1024 }
    }
}

impl fmt::Debug for Chunker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, seed: _, min, avg, max } = self;
        write!(f, "Chunker({algorithm}, {min}/{avg}/{max}, seed redacted)")
    }
}

/// What the caller says of a vault to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSpec {
    /// What it will protect.
    pub kind: Kind,
    /// A name for people.
    pub name: String,
    /// What the data comes from: a name without credentials.
    pub source: String,
    /// The wedding's id in its source.
    pub wedding: Option<String>,
    /// How to cut; random seed and usual sizes if `None`.
    pub chunker: Option<Chunker>,
}

impl Config {
    /// A new configuration with a random id, polynomial and, unless given, chunker seed.
    pub fn create<R: CryptoRng + ?Sized>(spec: CreateSpec, rng: &mut R) -> Self {
        let mut id = [0; Id::LEN_BYTES];
        rng.fill_bytes(&mut id);
        let chunker_polynomial = Polynomial::random(rng);
        let CreateSpec { kind, name, source, wedding, chunker } = spec;
        let chunker = chunker.unwrap_or_else(|| Chunker::random(rng));
        let keepsake = Some(Extension { format: 1, kind, name, source, wedding, chunker });
        Self { version: VERSION, id: Id::from_bytes(id), chunker_polynomial, keepsake }
    }

    /// Reads the unsealed document.
    ///
    /// # Errors
    /// [`JsonError`] if it is none, or its polynomial is not irreducible.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        json::parse(json)
    }

    /// The document, to be sealed.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialise")
    }
}

mod hex_seed {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(seed: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(seed))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut seed = [0; 32];
        hex::decode_to_slice(text, &mut seed)
            .map_err(|_| de::Error::custom("the seed is not 64 hexadecimal digits"))?;
        Ok(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    fn spec() -> CreateSpec {
        CreateSpec {
            kind: Kind::Wedding,
            name: "Ada & Grace".to_owned(),
            source: "planner".to_owned(),
            wedding: Some("42".to_owned()),
            chunker: None,
        }
    }

    #[test]
    fn a_configuration_round_trips() {
        let config = Config::create(spec(), &mut StdRng::seed_from_u64(1));
        assert_eq!(Config::parse(&config.encode()).unwrap(), config);
        assert_eq!(config.version, 2);
    }

    #[test]
    fn s17_every_vault_has_its_own_secret_chunker_seed() {
        let mut rng = StdRng::seed_from_u64(1);
        let seed = |config: &Config| config.keepsake.as_ref().unwrap().chunker.seed;
        let (a, b) = (Config::create(spec(), &mut rng), Config::create(spec(), &mut rng));
        assert_ne!(seed(&a), seed(&b));
        assert!(!format!("{a:?}").contains(&hex::encode(seed(&a))), "the seed stays out of logs");
    }

    #[test]
    fn what_restic_writes_is_read_and_a_reducible_polynomial_is_not() {
        let id = Id::of(b"");
        let restic = format!(r#"{{"version":1,"id":"{id}","chunker_polynomial":"25b468838dcb75","later":[1]}}"#);
        let config = Config::parse(restic.as_bytes()).unwrap();
        assert_eq!((config.version, config.keepsake), (1, None));
        assert!(Config::parse(restic.replace("25b468838dcb75", "25b468838dcb74").as_bytes()).is_err());
        assert!(Config::parse(b"[]").is_err());
    }
}
