//! Something that a use case noticed and went on.

use serde::{Deserialize, Serialize};

/// A remark for people and scripts: not an error, but not nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// Stable code, such as `file-missing`.
    pub code: String,
    /// What it is about: a file, a table.
    pub subject: String,
    /// In words.
    pub message: String,
}

impl From<keepsake_postgres::capture::Issue> for Issue {
    fn from(issue: keepsake_postgres::capture::Issue) -> Self {
        Self { code: issue.code, subject: issue.subject, message: issue.message }
    }
}
