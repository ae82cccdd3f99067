//! E-mail addresses: those that can be somebody's name here.

use crate::error::{Code, Error, Result};
use std::fmt;

/// Longest address (RFC 5321: 64 before the sign, 255 after it).
const LONGEST: usize = 320;

/// An e-mail address in lower case. `Debug` shows nothing of it: addresses are personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads an address.
    ///
    /// # Errors
    /// [`Code::Invalid`] if it cannot be one. Whether it is somebody's mailbox is not looked at.
    pub fn parse(text: &str) -> Result<Self> {
        let email = Self::lower(text);
        let parts: Vec<&str> = email.split('@').collect();
        let [before, after] = parts.as_slice() else { return Err(no_address()) };
        // No colon: authenticator apps take it for the end of a name.
        let strange = |c: char| c.is_whitespace() || c.is_control() || c == ':';
        if before.is_empty() || after.is_empty() || email.len() > LONGEST || email.contains(strange) {
            return Err(no_address());
        }
        Ok(Self(email))
    }

    /// How any text is looked up: upper and lower case are the same address here.
    pub(in crate::identity) fn lower(text: &str) -> String {
        text.trim().to_lowercase()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(redacted)")
    }
}

fn no_address() -> Error {
    Error::new(Code::Invalid, "this is no e-mail address")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_spelling() {
        assert_eq!(Email::parse(" Anna@Example.ORG ").unwrap().as_str(), "anna@example.org");
        assert_eq!(format!("{:?}", Email::parse("a@b").unwrap()), "Email(redacted)");
        for bad in [
            "",
            "anna",
            "@example.org",
            "anna@",
            "a@b@c",
            "a b@c",
            "a:b@c",
            "a\u{0}@b",
            &format!("{}@b", "a".repeat(320)),
        ] {
            assert_eq!(Email::parse(bad).unwrap_err().code(), Code::Invalid, "{bad}");
        }
    }
}
