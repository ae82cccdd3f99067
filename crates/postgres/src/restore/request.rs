//! What a caller asks for.

use keepsake_domain::restore::{ConflictRule, Mode, Scope};
use serde::{Deserialize, Serialize};

/// One restore, as asked for. Its words are those of the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The wedding, by the mapping's id column, as text.
    pub wedding: String,
    /// Which groups.
    pub scope: Scope,
    /// How far live is made equal to the capture.
    pub mode: Mode,
    /// What happens to rows that are not this wedding's alone.
    pub conflicts: ConflictRule,
    /// Where the rows go.
    pub target: Target,
    /// What the restore may hold in memory.
    #[serde(default)]
    pub limits: Limits,
}

impl Request {
    /// The whole wedding back into live, putting back only what is missing.
    pub fn whole(wedding: impl Into<String>) -> Self {
        Self {
            wedding: wedding.into(),
            scope: Scope::whole(),
            mode: Mode::Merge,
            conflicts: ConflictRule::Leave,
            target: Target::Live,
            limits: Limits::default(),
        }
    }
}

/// Where the rows go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "schema")]
pub enum Target {
    /// Into the live tables.
    Live,
    /// Into a schema of this name, made for it, to look at; no live row is touched.
    SideSchema(String),
}

/// Bounds on memory and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of rows held at once, captured and live together.
    pub held_bytes: u64,
    /// Rows listed for each table in a preview; the counts are always whole.
    pub listed_rows: usize,
}

impl Default for Limits {
    /// 1 GiB of rows (a wedding of 10,000 guests needs about 50 MiB), 200 rows listed for each table.
    fn default() -> Self {
        Self { held_bytes: 1 << 30, listed_rows: 200 }
    }
}
