//! Which mapping is used: the one that a person wrote, or what inspection proposes.

use crate::{
    error::{Code, Error, Result},
    source,
};
use keepsake_postgres::{
    connect::{Dsn, Purpose},
    inspect::{self, Inspection},
    mapping::{Bound, Mapping},
    schema::Schema,
};
use std::path::Path;

/// A mapping with the text that it was read from.
#[derive(Debug, Clone)]
pub struct Written {
    /// The mapping.
    pub mapping: Mapping,
    /// The document, with its comments.
    pub text: String,
}

impl Written {
    /// Whether the mapping fits a database as it is today; what does not is named with its line.
    ///
    /// # Errors
    /// [`Code::MappingMismatch`].
    pub fn check_fit(&self, schema: &Schema) -> Result<()> {
        self.fit(schema).map(drop)
    }

    /// The mapping resolved against a database.
    ///
    /// # Errors
    /// As [`check_fit`](Self::check_fit).
    pub fn fit(&self, schema: &Schema) -> Result<Bound> {
        self.mapping.bind(schema).map_err(|mismatches| {
            let lines: Vec<String> =
                mismatches.into_iter().map(|mismatch| mismatch.located(&self.text).to_string()).collect();
            Error::new(Code::MappingMismatch, format!("the mapping does not fit the database: {}", lines.join("; ")))
        })
    }
}

/// Reads a mapping document.
///
/// # Errors
/// [`Code::MappingInvalid`] with line and column.
pub fn read(path: &Path) -> Result<Written> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::because(Code::MappingInvalid, format!("cannot read {}", path.display()), error))?;
    parse(text, &path.display().to_string())
}

/// Parses a mapping document; `what` names it in the error.
///
/// # Errors
/// [`Code::MappingInvalid`] with line and column.
pub fn parse(text: String, what: &str) -> Result<Written> {
    match Mapping::parse(&text) {
        Ok(mapping) => Ok(Written { mapping, text }),
        Err(error) => Err(Error::because(Code::MappingInvalid, format!("{what} is no proper mapping"), error)),
    }
}

/// Inspects a database.
///
/// # Errors
/// [`Code::DatabaseUnsuitable`] if nothing in it looks like weddings; else by cause.
pub async fn propose(dsn: &Dsn) -> Result<Inspection> {
    let mut session = source::open(dsn, Purpose::Inspect).await?;
    inspect::inspect(&mut session.client, &inspect::Options::default()).await.map_err(|error| {
        let code = match error {
            inspect::Error::NoRoot { .. } | inspect::Error::UnfitRoot(_) => Code::DatabaseUnsuitable,
            _ => Code::DatabaseUnreachable,
        };
        Error::because(code, "the database could not be inspected", error)
    })
}

/// The mapping in a file, or else what inspection proposes.
///
/// # Errors
/// Those of [`read`] and [`propose`].
pub async fn read_or_propose(path: Option<&Path>, dsn: &Dsn) -> Result<Written> {
    match path {
        Some(path) => read(path),
        None => {
            let inspection = propose(dsn).await?;
            Ok(Written { text: inspection.to_toml(), mapping: inspection.report.mapping })
        }
    }
}
