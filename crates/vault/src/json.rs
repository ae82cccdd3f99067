//! Reading JSON documents of a vault.

use serde::Deserialize;

/// Reads a document that must be an object. serde would take an array for a struct too, and an array with nothing in it
/// for one with nothing set: the index of a very old restic would be read as an empty one.
pub(crate) fn parse<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, JsonError> {
    match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(serde_json::from_slice(json)?),
        Some(_) => Err(JsonError::NO_OBJECT),
        None => Err(serde_json::from_slice::<T>(b"").err().map_or(JsonError::NO_OBJECT, JsonError::from)),
    }
}

/// Where and how a JSON document is wrong, without quoting it: documents hold names that are nobody's business.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line}, column {column}")]
pub struct JsonError {
    what: &'static str,
    line: usize,
    column: usize,
}

impl JsonError {
    /// The document is something else than an object.
    const NO_OBJECT: Self = Self { what: "not an object", line: 1, column: 1 };
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Io => "unreadable",
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Data => "a field is missing or has another form",
            serde_json::error::Category::Eof => "cut off",
        };
        Self { what, line: error.line(), column: error.column() }
    }
}
