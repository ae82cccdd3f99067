//! Secrets on their way in and out: never in `Debug`, wiped when dropped.

use crate::error::{Code, Error, Result};
use aws_lc_rs::digest::{SHA256, digest};
use rand::{TryRng, rngs::SysRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// A password, a code or a token, as text. It can be read from a request and written into an answer; nothing else shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Begin of a refresh token.
pub(super) const REFRESH: &str = "ksrt_";
/// Begin of an API token: scanners for leaked secrets, and [`authenticate`](super::authenticate), know it by this.
pub(super) const API: &str = "ksat_";
/// Random bits of a token: beyond guessing, so that a plain hash is enough to store it.
const TOKEN_BYTES: usize = 32;

/// A new token, and the hash by which it is known.
pub(super) fn new_token(prefix: &str) -> Result<(Secret, [u8; 32])> {
    let token = Secret::new(format!("{prefix}{}", *random_hex::<TOKEN_BYTES>()?));
    let hash = sha256(token.expose().as_bytes());
    Ok((token, hash))
}

/// The hash of a token that looks like one.
pub(super) fn token_hash(prefix: &str, token: &str) -> Option<[u8; 32]> {
    let digits = token.strip_prefix(prefix)?;
    let fits = digits.len() == 2 * TOKEN_BYTES && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| sha256(token.as_bytes()))
}

/// Random bytes as hexadecimal digits.
pub(super) fn random_hex<const N: usize>() -> Result<Zeroizing<String>> {
    Ok(Zeroizing::new(hex::encode(random::<N>()?.as_ref())))
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    SysRng
        .try_fill_bytes(bytes.as_mut())
        .map_err(|error| Error::because(Code::HomeFailed, "the system gave no random bytes", error))?;
    Ok(bytes)
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_to_nobody_but_those_who_ask_for_it() {
        let secret: Secret = serde_json::from_str("\"correct horse\"").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"correct horse\"");
    }

    #[test]
    fn tokens_differ_and_are_known_by_their_begin_and_length() {
        let ((one, hash), (two, _)) = (new_token(API).unwrap(), new_token(API).unwrap());
        assert_ne!(one, two);
        assert_eq!(token_hash(API, one.expose()), Some(hash));
        let cut = one.expose().get(..20).unwrap();
        for other in ["", API, "ksat_zz", cut, &one.expose().replace(API, REFRESH)] {
            assert_eq!(token_hash(API, other), None, "{other}");
        }
    }
}
