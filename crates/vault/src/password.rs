//! What opens a vault's key file: a machine's secret or a person's password, as two types.
//!
//! A secret of 256 random bits cannot be guessed, so deriving a key from it may be cheap; a person's password can, so
//! deriving must be dear. Because each form is its own type, a person's password never gets the cheap parameters (safety
//! rule S16).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

/// Cost of deriving a key with scrypt: `N` is `2^log_n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Binary logarithm of the number of blocks.
    pub log_n: u8,
    /// Size of a block, in units of 128 bytes.
    pub r: u32,
    /// Passes.
    pub p: u32,
}

impl Cost {
    /// For 256 random bits: 1 MiB, a few milliseconds. scrypt is there only because restic accepts nothing else.
    pub const MACHINE: Self = Self { log_n: 10, r: 8, p: 1 };
    /// For people's passwords: what restic's calibration yields on current machines, 32 MiB and some 0.3 s.
    pub const HUMAN: Self = Self { log_n: 15, r: 8, p: 3 };
}

/// A vault's secret: 256 random bits, as the text that stock restic takes for a password.
#[derive(Clone)]
pub struct MachineSecret(Zeroizing<String>);

/// A text that does not hold 256 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a vault secret is 64 hexadecimal digits or 43 characters of URL-safe base64: 256 random bits, not a password")]
pub struct SecretError;

impl MachineSecret {
    /// Draws a new secret.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bits = Zeroizing::new([0; 32]);
        rng.fill_bytes(bits.as_mut());
        Self(Zeroizing::new(hex::encode(*bits)))
    }

    /// Takes the text form: 64 hexadecimal digits, or 43 characters of URL-safe base64. The text itself is the password.
    ///
    /// # Errors
    /// [`SecretError`] if the text has another form.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let mut bits = Zeroizing::new([0; 32]);
        let is_hex = text.len() == 64 && hex::decode_to_slice(text, bits.as_mut()).is_ok();
        let is_base64 = text.len() == 43 && URL_SAFE_NO_PAD.decode_slice(text, bits.as_mut()) == Ok(32);
        if is_hex || is_base64 { Ok(Self(Zeroizing::new(text.to_owned()))) } else { Err(SecretError) }
    }

    /// The text, to wrap or to export it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MachineSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MachineSecret(redacted)")
    }
}

/// A password that a person chose.
#[derive(Clone)]
pub struct HumanPassword(Zeroizing<String>);

/// A password that cannot protect anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password must not be empty")]
pub struct EmptyPassword;

impl HumanPassword {
    /// Takes a password.
    ///
    /// # Errors
    /// [`EmptyPassword`] if it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self, EmptyPassword> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() { Err(EmptyPassword) } else { Ok(Self(text)) }
    }
}

impl fmt::Debug for HumanPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HumanPassword(redacted)")
    }
}

/// Either of the two.
#[derive(Debug, Clone)]
pub enum Password {
    /// 256 random bits.
    Machine(MachineSecret),
    /// A person's choice.
    Human(HumanPassword),
}

impl Password {
    /// What a new key file for this password costs to open. An existing one says so itself.
    pub const fn cost(&self) -> Cost {
        match self {
            Self::Machine(_) => Cost::MACHINE,
            Self::Human(_) => Cost::HUMAN,
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Machine(MachineSecret(text)) | Self::Human(HumanPassword(text)) => text.as_bytes(),
        }
    }
}

impl From<MachineSecret> for Password {
    fn from(secret: MachineSecret) -> Self {
        Self::Machine(secret)
    }
}

impl From<HumanPassword> for Password {
    fn from(password: HumanPassword) -> Self {
        Self::Human(password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn s16_only_256_bits_make_a_machine_secret_and_only_they_get_small_parameters() {
        let secret = MachineSecret::generate(&mut StdRng::seed_from_u64(1));
        assert_eq!(MachineSecret::parse(secret.expose()).unwrap().expose(), secret.expose());
        let base64 = URL_SAFE_NO_PAD.encode([7; 32]);
        assert!(MachineSecret::parse(&base64).is_ok());
        for weak in
            ["", "correct horse battery staple", &"ab".repeat(31), &"zz".repeat(32), &base64[1..], &"=".repeat(43)]
        {
            assert_eq!(MachineSecret::parse(weak).unwrap_err(), SecretError);
        }
        assert_eq!(Password::from(secret).cost(), Cost::MACHINE);

        let human = Password::from(HumanPassword::new("f".repeat(64)).unwrap()).cost();
        assert_eq!(human, Cost::HUMAN, "even a person's password that looks like 256 bits");
        assert!(human.log_n >= 15 && human.r >= 8, "at least restic's floor");
        assert!(HumanPassword::new("").is_err());
    }

    #[test]
    fn no_password_shows_in_debug() {
        let text = "ab".repeat(32);
        let shown = format!(
            "{:?} {:?}",
            Password::from(MachineSecret::parse(&text).unwrap()),
            Password::from(HumanPassword::new(text.clone()).unwrap())
        );
        assert!(!shown.contains("abab"), "{shown}");
    }
}
