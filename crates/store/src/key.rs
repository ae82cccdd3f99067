//! Names of objects.

use std::fmt;

/// The name of an object: segments joined by `/`, none empty, none `.` or `..`, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A text that cannot name an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name an object: segments must not be empty, `.`, `..` or hold control characters")]
pub struct InvalidKey(String);

impl Key {
    /// Parses a name such as `data/4f/4f12...`.
    ///
    /// # Errors
    /// [`InvalidKey`] if a segment is empty, `.`, `..`, or holds a control character.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text = text.into();
        let valid = text
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.chars().any(char::is_control));
        if valid { Ok(Self(text)) } else { Err(InvalidKey(text.chars().take(200).collect())) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Stands for the whole store where an error has no single object to name.
    pub(crate) fn all() -> Self {
        Self("*".to_owned())
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// This name below `prefix`.
    #[must_use]
    pub fn under(&self, prefix: &Self) -> Self {
        Self(format!("{}/{}", prefix.0, self.0))
    }

    /// This name without `prefix`, if it lies below it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(prefix.as_str())?.strip_prefix('/')?;
        (!rest.is_empty()).then(|| Self(rest.to_owned()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_their_place_or_break_a_line_are_refused() {
        for bad in ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\nb", "a\0"] {
            assert!(Key::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b", "...", ".a/b..", "wedding plans/ü"] {
            assert_eq!(Key::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn prefixes_go_on_and_come_off_by_whole_segments() {
        let key = |text: &str| Key::parse(text).unwrap();
        assert_eq!(key("data/4f").under(&key("vaults/1")), key("vaults/1/data/4f"));
        assert_eq!(key("vaults/1/data/4f").strip_prefix(&key("vaults/1")), Some(key("data/4f")));
        assert_eq!(key("vaults/12").strip_prefix(&key("vaults/1")), None);
        assert_eq!(key("vaults").strip_prefix(&key("vaults")), None);
        assert_eq!(key("data/4f").file_name(), "4f");
    }
}
