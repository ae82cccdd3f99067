//! Why a restore stops. Every error but [`Error::CommitUnknown`] leaves live rows as they were: what was begun was rolled back.

use crate::{capture::PortError, connect, schema::TableName};
use std::fmt;

/// A restore's failure. No variant carries values of rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused a statement or the connection broke.
    #[error("{what}: {source}. Nothing in the live database was changed")]
    Database {
        /// What was being done.
        what: String,
        /// The cause.
        #[source]
        source: Box<Cause>,
    },
    /// The capture could not be read.
    #[error("the capture's file {path} could not be read: {source}")]
    Source {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: PortError,
    },
    /// The capture lacks a file that its manifest names.
    #[error("the capture has no file {0}: it is damaged; verify the vault and choose another point")]
    MissingFile(String),
    /// A file of the capture is not what its manifest says.
    #[error("the capture's file {path} is damaged: {reason}; verify the vault and choose another point")]
    Corrupt {
        /// The file, empty where the row's file is named by the caller.
        path: String,
        /// What is wrong, without values.
        reason: String,
    },
    /// The capture was written by a newer program.
    #[error("the capture has layout version {found}, this program reads up to {known}: use a newer keepsake")]
    Version {
        /// What the manifest says.
        found: u32,
        /// What this build knows.
        known: u32,
    },
    /// The capture is of another wedding.
    #[error("the capture holds wedding {found}, not {wanted}")]
    OtherWedding {
        /// Id in the capture.
        found: String,
        /// Id asked for.
        wanted: String,
    },
    /// More changed rows than may be held in memory.
    #[error("the rows to change in {table} and before exceed {limit_bytes} bytes: restore group by group (--only)")]
    TooLarge {
        /// Where the limit was reached.
        table: TableName,
        /// The limit.
        limit_bytes: u64,
    },
    /// The plan holds tables that cannot be restored as the schema is today.
    #[error("the restore was refused: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// There are conflicts, and the rule is to fail on them.
    #[error("{count} rows are in conflict and the rule is `fail`: preview them, then choose --conflicts leave or take")]
    Conflicts {
        /// How many.
        count: u64,
    },
    /// Live changed since the preview that the caller pinned.
    #[error("live data changed since the preview (it was {pinned}, now it would be {now}): look at a new preview")]
    PlanChanged {
        /// Hash that was pinned.
        pinned: String,
        /// Hash under the locks.
        now: String,
    },
    /// Live differs from the pre-recovery snapshot and there is nowhere to save the difference.
    #[error(
        "live data changed after the pre-recovery snapshot and no spool was given to save the difference: try again"
    )]
    NoSpool,
    /// The difference could not be saved.
    #[error("the difference to the pre-recovery snapshot could not be saved, so nothing was changed: {0}")]
    Spool(#[source] PortError),
    /// Another restore of this wedding is running, or rows stay locked by the application.
    #[error("gave up after {attempts} attempts to lock {what}: {reason}. Nothing was changed; try again")]
    Busy {
        /// What could not be locked.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// The server's words.
        reason: String,
    },
    /// What was written is not what was planned.
    #[error("the proof failed and everything was rolled back: {}", .0.join("; "))]
    ProofFailed(Vec<String>),
    /// Without the replica privilege the restore cannot be done as planned.
    #[error(
        "{0}; grant the restore role SET ON PARAMETER session_replication_role (PostgreSQL 15 on), or use a superuser"
    )]
    NeedsReplicaRole(String),
    /// Row-level security hides rows from this role.
    #[error("row-level security of {0} applies to this role, so it cannot see all rows: give it BYPASSRLS")]
    RowSecurity(TableName),
    /// The side schema is there already.
    #[error("the schema {0} exists already: choose another name for the side copy, or drop it")]
    SchemaExists(String),
    /// The connection broke during the commit, and the server could not be asked what became of it.
    #[error(
        "the commit of transaction {transaction} was not answered ({source}), and neither was the question what became of \
         it: ask the server whether it took effect (pg_xact_status) before anything else"
    )]
    CommitUnknown {
        /// The transaction's id.
        transaction: u64,
        /// The cause.
        #[source]
        source: Box<Cause>,
    },
    /// The caller cancelled.
    #[error("cancelled; everything was rolled back")]
    Cancelled,
}

/// What the server said, without what may quote rows: its detail, its context, values in its message, and whatever a
/// function of the application raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The SQLSTATE, if the server sent one.
    pub code: Option<String>,
    message: String,
    /// The table concerned, if the server named one.
    pub table: Option<TableName>,
    /// The constraint concerned, if the server named one.
    pub constraint: Option<String>,
}

impl From<&tokio_postgres::Error> for Cause {
    fn from(error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let inner = std::error::Error::source(error).map(|inner| format!(": {inner}")).unwrap_or_default();
            return Self { code: None, message: format!("{error}{inner}"), table: None, constraint: None };
        };
        let message = match db.code().code() {
            "P0001" => "a trigger or function of the application refused it".to_owned(),
            _ => without_values(db.message()),
        };
        let table = db.schema().zip(db.table()).map(|(schema, table)| TableName::new(schema, table));
        let constraint = db.constraint().map(str::to_owned);
        Self { code: Some(db.code().code().to_owned()), message, table, constraint }
    }
}

impl From<&connect::Error> for Cause {
    fn from(error: &connect::Error) -> Self {
        let inner = std::error::Error::source(error).map(|inner| format!(": {inner}")).unwrap_or_default();
        Self { code: None, message: format!("{error}{inner}"), table: None, constraint: None }
    }
}

/// Nothing was said, for longer than the statement may take or than the caller cares to wait.
pub(super) fn silence() -> Cause {
    Cause { code: None, message: "the server does not answer".to_owned(), table: None, constraint: None }
}

impl std::error::Error for Cause {}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match (&self.table, &self.constraint) {
            (Some(table), Some(constraint)) => write!(f, " (in {table}, {constraint})")?,
            (Some(table), None) => write!(f, " (in {table})")?,
            _ => {}
        }
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " [{code}]"))
    }
}

/// Messages such as `invalid input syntax for type uuid: "..."` and `value "..." is out of range` quote values. Names of
/// tables and constraints are quoted too, so only these two forms are cut.
fn without_values(message: &str) -> String {
    let before = message.split_once(": \"").map_or(message, |(before, _)| before);
    match before.strip_prefix("value \"").and_then(|rest| rest.rsplit_once("\" ")) {
        Some((_, after)) => format!("a value {after}"),
        None => before.replace(['\n', '\r'], " "),
    }
}

impl Error {
    /// Wraps a server error with what was being done.
    pub(crate) fn database(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let what = what.into();
        move |source| Self::Database { what, source: Box::new(Cause::from(&source)) }
    }

    /// The SQL state behind it, if the server gave one.
    pub(crate) fn sql_state(&self) -> Option<&str> {
        match self {
            Self::Database { source, .. } => source.code.as_deref(),
            _ => None,
        }
    }

    /// Whether the same call may succeed a little later: locks, deadlocks.
    pub fn is_contention(&self) -> bool {
        matches!(self.sql_state(), Some("55P03" | "40P01" | "40001"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn values_are_cut_from_messages() {
        assert_eq!(
            super::without_values("invalid input syntax for type uuid: \"Aunt May\""),
            "invalid input syntax for type uuid"
        );
        assert_eq!(
            super::without_values("value \"07700 900\" is out of range for type integer"),
            "a value is out of range for type integer"
        );
        assert_eq!(super::without_values("deadlock detected"), "deadlock detected");
    }
}
