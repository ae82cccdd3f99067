//! Why a capture did not come about. A failed capture never leaves a point (safety rule S13).

use super::PortError;
use crate::{
    connect::{self, ServerError},
    schema::{self, TableName},
};
use std::time::Duration;

/// A capture that failed. Nothing that was written to its sinks may be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No session could be had, or it was lost.
    #[error(transparent)]
    Connect(#[from] connect::Error),
    /// The database's catalog could not be read.
    #[error(transparent)]
    Schema(#[from] schema::Error),
    /// The mapping does not fit the database.
    #[error("the mapping does not fit the database: {}", problems.join("; "))]
    Mapping {
        /// Everything that does not fit, with its place in the mapping.
        problems: Vec<String>,
    },
    /// No such wedding.
    #[error("there is no wedding {} in {table}", ids.join(", "))]
    UnknownWedding {
        /// The ids asked for and not found.
        ids: Vec<String>,
        /// The root table.
        table: TableName,
    },
    /// More weddings than one capture takes.
    #[error("{asked} weddings are too many for one capture: take at most {limit} at a time")]
    TooMany {
        /// How many were asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
    /// The role may not read a table.
    #[error("the role `{role}` may not read {}: run, as the tables' owner: {grant}", list(tables))]
    Privilege {
        /// The role.
        role: String,
        /// The tables.
        tables: Vec<TableName>,
        /// The SQL that grants what is missing.
        grant: String,
    },
    /// Row-level security hides rows from the role.
    #[error(
        "row-level security would hide rows of a table from the role `{role}`, and a capture that sees only some rows is \
         none: use a role with BYPASSRLS (as a superuser: ALTER ROLE {role} BYPASSRLS)"
    )]
    RowSecurity {
        /// The role, quoted for SQL where it needs it.
        role: String,
        /// What the server said; it names the table.
        #[source]
        source: ServerError,
    },
    /// A table was locked by a schema change for longer than the capture waits.
    #[error("a table is locked by a schema change: try again when it is done")]
    Locked {
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// Rows could not be read.
    #[error("could not read {what}")]
    Read {
        /// What was being read.
        what: String,
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// The capture gave way to a schema change that waited for it (safety rule S10).
    #[error("the capture gave way to a schema change waiting for {table}: try again when it is done")]
    YieldedToDdl {
        /// The table waited for.
        table: String,
    },
    /// Whether somebody waits for the capture could not be seen (safety rule S10).
    #[error("the capture was ended, since nobody could see whether it holds up a schema change")]
    Unwatched(#[source] connect::Error),
    /// The snapshot grew older than a busy database should bear (safety rule S10).
    #[error("the snapshot grew older than {} min: capture fewer weddings at once, or from a standby", limit.as_secs() / 60)]
    SnapshotTooOld {
        /// The limit.
        limit: Duration,
    },
    /// The caller cancelled.
    #[error("the capture was cancelled")]
    Cancelled,
    /// The rows came back in a form that the layout does not allow.
    #[error("the rows of {table} came back in an unexpected form: {what}")]
    Form {
        /// The table.
        table: TableName,
        /// What was unexpected, without values.
        what: &'static str,
    },
    /// The sink failed.
    #[error("could not store {path}")]
    Sink {
        /// The file of the capture.
        path: String,
        /// Why.
        #[source]
        source: PortError,
    },
}

fn list(tables: &[TableName]) -> String {
    tables.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// Whether trying again later, unchanged, may succeed.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connect(error) => error.retryable(),
            Self::Read { source, .. } => source.retryable(),
            Self::Locked { .. } | Self::YieldedToDdl { .. } | Self::Unwatched(_) => true,
            _ => false,
        }
    }

    pub(super) fn sink(path: &str) -> impl FnOnce(PortError) -> Self {
        let path = path.to_owned();
        move |source| Self::Sink { path, source }
    }

    pub(super) fn read(what: impl Into<String>, source: impl Into<ServerError>) -> Self {
        Self::Read { what: what.into(), source: source.into() }
    }
}
