//! Recovery codes: random, shown once, stored as hashes, each for one use.

use crate::{
    error::Result,
    identity::{Secret, secret},
};
use keepsake_domain::UserId;

/// How many there are.
pub(super) const CODES: usize = 10;
/// Random bytes of each: 80 bits, which nobody finds from the hash.
const BYTES: usize = 10;
/// Digits between two hyphens.
const GROUP: usize = 4;

/// New codes of a user.
pub(super) struct Codes {
    user: UserId,
    texts: Vec<Secret>,
}

impl Codes {
    pub(super) fn new(user: UserId) -> Result<Self> {
        let texts: Result<Vec<Secret>> = (0..CODES).map(|_| text()).collect();
        Ok(Self { user, texts: texts? })
    }

    pub(super) fn hashes(&self) -> Vec<Vec<u8>> {
        self.texts.iter().map(|text| hash(self.user, text.expose()).to_vec()).collect()
    }

    pub(super) fn into_texts(self) -> Vec<Secret> {
        self.texts
    }
}

fn text() -> Result<Secret> {
    let digits = secret::random_hex::<BYTES>()?;
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % GROUP == 0 {
            text.push('-');
        }
        text.push(digit);
    }
    Ok(Secret::new(text))
}

/// The hash under which a code is stored, however it was typed.
pub(super) fn hash(user: UserId, text: &str) -> [u8; 32] {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).map(|c| c.to_ascii_lowercase()).collect();
    secret::sha256(&[user.as_uuid().as_bytes().as_slice(), digits.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed_and_for_its_user_only() {
        let user = UserId::from_uuid(uuid::Uuid::from_u128(1));
        let codes = Codes::new(user).unwrap();
        assert_eq!(codes.texts.len(), CODES);
        let text = codes.texts[0].expose().to_owned();
        assert_eq!(text.len(), 24, "{text}");
        let hash_of = |typed: &str| hash(user, typed).to_vec();
        assert_eq!(hash_of(&text), codes.hashes()[0]);
        assert_eq!(hash_of(&text.to_uppercase().replace('-', " ")), codes.hashes()[0]);
        assert_ne!(codes.hashes()[0], codes.hashes()[1]);
        assert_ne!(hash(UserId::from_uuid(uuid::Uuid::from_u128(2)), &text).to_vec(), codes.hashes()[0]);
    }
}
