//! Places in a mapping document, so that whatever does not fit is named with its line.

use std::{fmt, ops::Range};
use toml::de::{DeTable, DeValue};

/// One step into the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Step {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A place in a mapping document, such as `edge[3].columns[0]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place(pub Vec<Step>);

impl Place {
    /// A place from its steps.
    pub fn of<const N: usize>(steps: [Step; N]) -> Self {
        Self(steps.into())
    }

    /// A place within this one.
    #[must_use]
    pub fn then(&self, step: impl Into<Step>) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.into());
        Self(steps)
    }

    /// The line of this place in the document, or of the nearest thing around it that the document has.
    pub fn locate(&self, text: &str) -> Option<Line> {
        let document = DeTable::parse(text).ok()?;
        let mut span = None;
        let mut table = Some(document.get_ref());
        let mut array = None;
        for step in &self.0 {
            let value = match step {
                Step::Key(key) => {
                    let Some((name, value)) =
                        table.and_then(|table| table.iter().find(|(name, _)| name.get_ref() == key))
                    else {
                        break;
                    };
                    span = Some(name.span());
                    value
                }
                Step::Index(index) => {
                    let Some(value) = array.and_then(|array: &toml::de::DeArray<'_>| array.get(*index)) else { break };
                    span = Some(value.span());
                    value
                }
            };
            (table, array) = match value.get_ref() {
                DeValue::Table(inner) => (Some(inner), None),
                DeValue::Array(inner) => (None, Some(inner)),
                _ => (None, None),
            };
        }
        span.map(|span| Line::at(text, span))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if n == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A line of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Column of the offending part, in characters, from 1.
    pub column: usize,
    /// The line itself, shortened to 200 characters.
    pub text: String,
}

impl Line {
    pub(super) fn at(text: &str, span: Range<usize>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        Self {
            number: before.matches('\n').count() + 1,
            column: before.get(start..).unwrap_or_default().chars().count() + 1,
            text: line.chars().take(200).collect(),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: `{}`", self.number, self.column, self.text.trim())
    }
}

/// Something in a mapping that contradicts itself or does not fit the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where.
    pub place: Place,
    /// The line, if the mapping came from a text.
    pub line: Option<Line>,
    /// What is wrong and what to do.
    pub message: String,
}

impl Mismatch {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, line: None, message: message.into() }
    }

    /// With its line in the text that the mapping was read from.
    #[must_use]
    pub fn located(mut self, text: &str) -> Self {
        self.line = self.place.locate(text);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(line) => write!(f, "{line}: {}", self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}
