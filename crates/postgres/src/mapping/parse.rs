//! Reads a mapping document.

use super::{Line, Mapping, Mismatch, VERSION};

/// The longest document read: far beyond any mapping of a real schema.
const TEXT_BYTES_MAX: usize = 8 << 20;

/// Why a mapping was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too long to be a mapping.
    #[error("the mapping is {bytes} bytes long; at most {TEXT_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not TOML, or a key or value that mappings do not have.
    #[error("the mapping cannot be read at {line}: {message}")]
    Syntax {
        /// The line.
        line: Line,
        /// What is wrong with it.
        message: String,
    },
    /// Of another version than this build knows.
    #[error("the mapping has version {found}; this build reads version {VERSION}")]
    Version {
        /// Its version.
        found: u32,
    },
    /// It contradicts itself, or does not fit the database.
    #[error("the mapping was refused:{}", list(problems))]
    Refused {
        /// Every problem found.
        problems: Vec<Mismatch>,
    },
}

fn list(problems: &[Mismatch]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl Mapping {
    /// Reads a mapping document. Unknown keys, contradictions and repetitions are errors with their line, never ignored.
    ///
    /// # Errors
    /// [`Error`], with line and column.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(Error::TooLong { bytes: text.len() });
        }
        let mapping: Self = toml::from_str(text).map_err(|error| Error::Syntax {
            line: Line::at(text, error.span().unwrap_or(0..0)),
            message: error.message().to_owned(),
        })?;
        if mapping.version != VERSION {
            return Err(Error::Version { found: mapping.version });
        }
        let problems: Vec<Mismatch> = mapping.check().into_iter().map(|problem| problem.located(text)).collect();
        if problems.is_empty() { Ok(mapping) } else { Err(Error::Refused { problems }) }
    }
}
