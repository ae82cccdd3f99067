//! What can go wrong with a capture or restore of a whole database. No message repeats a row's value.

use crate::{
    capture::PortError,
    connect::{self, ServerError},
    schema::TableName,
};
use std::io;
use tokio_postgres::error::SqlState;

/// A capture or restore that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable session.
    #[error(transparent)]
    Connect(#[from] connect::Error),
    /// The caller's token was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The connection ended under way.
    #[error("the connection was lost while it was to {what}: the server restarted or ended the session; run it again")]
    ConnectionLost {
        /// What was tried.
        what: String,
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server refused a statement.
    #[error("could not {what}")]
    Server {
        /// What was tried.
        what: String,
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// The server refused rows.
    #[error("the rows of {table} were refused: {reason}")]
    Rows {
        /// The table.
        table: String,
        /// SQLSTATE, constraint and column, without values.
        reason: String,
    },
    /// A schema change waited for the capture (safety rule S10).
    #[error("a schema change waited more than {seconds} s for this capture, which gave way: run it again")]
    YieldedToDdl {
        /// The patience it had.
        seconds: u64,
    },
    /// A schema change held a table for too long.
    #[error("a table is locked by a schema change that did not end in time: run it again when that is done")]
    Locked {
        /// What the server said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Tables kept changing shape between being listed and being locked.
    #[error("tables are being created or dropped too fast for a capture to begin: run it again")]
    Unsettled,
    /// The snapshot is as old as it may become (safety rule S10).
    #[error(
        "the capture did not end within {minutes} minutes, the longest that a snapshot may hold up vacuum on a primary: \
         capture from a standby, or use a physical backup"
    )]
    SnapshotLimit {
        /// The limit.
        minutes: u64,
    },
    /// The role may not read everything (safety rule S13).
    #[error("the role `{role}` cannot read all of the database: {}. {remedy}", some(.objects))]
    NotReadable {
        /// The role.
        role: String,
        /// What it cannot read, and why.
        objects: Vec<String>,
        /// What to do.
        remedy: String,
    },
    /// Something of the database would be in no file (safety rule S12).
    #[error("a capture would not carry {}; nothing was captured", some(.objects))]
    NotCarried {
        /// What.
        objects: Vec<String>,
    },
    /// A PostgreSQL client program is not installed.
    #[error(
        "{program} was not found: install PostgreSQL's client programs (Debian: postgresql-client), or name their folder in \
         KEEPSAKE_POSTGRES_BIN"
    )]
    NoProgram {
        /// Which.
        program: String,
    },
    /// A PostgreSQL client program is too old.
    #[error(
        "{program} {found} is older than PostgreSQL {needed}, which it has to serve: install postgresql-client-{needed}, or \
         name the folder of newer programs in KEEPSAKE_POSTGRES_BIN"
    )]
    OldProgram {
        /// Which.
        program: String,
        /// Its major version.
        found: u32,
        /// The major version that is needed.
        needed: u32,
    },
    /// A PostgreSQL client program failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Which.
        program: String,
        /// Its first complaint, without values.
        message: String,
    },
    /// Files of the run could not be handled on this machine.
    #[error("could not {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The far side did not take a file.
    #[error("could not store {path}")]
    Sink {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: PortError,
    },
    /// The far side did not give a file.
    #[error("could not read {path} of the capture")]
    Source {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: PortError,
    },
    /// The capture is not whole or not ours.
    #[error("{path} of the capture {problem}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The target holds something already.
    #[error("the target database is not empty ({}): {}", some(.found), advice(*.unfinished))]
    NotEmpty {
        /// Some of what was found.
        found: Vec<String>,
        /// A restore of ours began there and did not finish.
        unfinished: bool,
    },
    /// Roles of the source are missing or out of reach at the target.
    #[error(
        "the target cannot give objects to {}: create the roles first ({globals} of the capture has them) and connect as a \
         member of them or a superuser, or restore without owners and privileges",
        some(.roles), globals = super::GLOBALS
    )]
    Roles {
        /// Which.
        roles: Vec<String>,
    },
    /// The target cannot hold what was captured.
    #[error("the target database does not fit: {problem}")]
    Target {
        /// Why.
        problem: String,
    },
    /// What arrived is not what was captured.
    #[error(
        "{table} arrived differently: {expected_rows} rows were captured, {found_rows} arrived{}; drop the target database and \
         restore again, and verify the vault",
        if .expected_rows == .found_rows { ", with other content" } else { "" }
    )]
    Mismatch {
        /// The table, or `large objects`.
        table: String,
        /// Rows of the capture.
        expected_rows: u64,
        /// Rows at the target.
        found_rows: u64,
    },
}

/// The result of a capture or restore.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Whether trying again later, unchanged, may succeed.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connect(error) => error.retryable(),
            Self::Server { source, .. } => source.retryable(),
            Self::ConnectionLost { .. } | Self::YieldedToDdl { .. } | Self::Locked { .. } | Self::Unsettled => true,
            _ => false,
        }
    }

    /// Whether it was refused because going on would be unsafe (exit code 3).
    pub fn refused(&self) -> bool {
        matches!(self, Self::NotEmpty { .. } | Self::Roles { .. } | Self::Target { .. } | Self::NotCarried { .. })
    }

    pub(super) fn server(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let what = what.into();
        move |error| Self::from_server(what, ServerError::from(error))
    }

    pub(super) fn from_server(what: String, source: ServerError) -> Self {
        match source.code() {
            _ if source.connection_lost() => Self::ConnectionLost { what, source: source.into() },
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Self::Locked { source: source.into() },
            _ => Self::Server { what, source },
        }
    }

    /// A failure while rows move: messages of data and integrity errors quote values, so only their codes are kept.
    pub(super) fn rows(table: &TableName, error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error().filter(|db| matches!(db.code().code().get(..2), Some("22" | "23"))) else {
            return Self::from_server(format!("move the rows of {table}"), ServerError::from(error));
        };
        let mut reason = format!("SQLSTATE {}", db.code().code());
        for (label, name) in [("constraint", db.constraint()), ("column", db.column()), ("type", db.datatype())] {
            if let Some(name) = name {
                reason.push_str(&format!(", {label} {name}"));
            }
        }
        Self::Rows { table: table.to_string(), reason }
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(super) fn sink(path: &str) -> impl FnOnce(PortError) -> Self {
        let path = path.to_owned();
        move |source| Self::Sink { path, source }
    }

    pub(super) fn damaged(path: &str, problem: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), problem: problem.into() }
    }
}

fn advice(unfinished: bool) -> &'static str {
    if unfinished {
        "a restore into it was broken off; drop the database, create it again and restore once more"
    } else {
        "create a new database (CREATE DATABASE ... TEMPLATE template0) and restore into that"
    }
}

/// The first few of a list, for a message.
fn some(list: &[String]) -> String {
    const SHOWN: usize = 8;
    let mut text = list.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if list.len() > SHOWN {
        text.push_str(&format!(" and {} more", list.len() - SHOWN));
    }
    text
}
