//! What can go wrong between a connection string and a usable session.

use std::{fmt, io, path::PathBuf};
use tokio_postgres::error::SqlState;

/// What a server said, without the parts that may quote rows (DETAIL, CONTEXT): safe to show and to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerError {
    code: Option<SqlState>,
    message: String,
    closed: bool,
}

impl ServerError {
    /// The SQLSTATE, if the server sent one.
    pub fn code(&self) -> Option<&SqlState> {
        self.code.as_ref()
    }

    /// The server's own message, one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the session has the given SQLSTATE.
    pub fn is(&self, code: &SqlState) -> bool {
        self.code.as_ref() == Some(code)
    }

    /// The connection ended: the server went away, restarted, or ended this session.
    pub fn connection_lost(&self) -> bool {
        let code = self.code.as_ref().map_or("", SqlState::code);
        self.closed || code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P05" | "58000")
    }

    /// Trying again later may succeed: the connection was lost, the server is starting or full, a lock was not had, or a
    /// standby's replay removed rows under the snapshot.
    pub fn retryable(&self) -> bool {
        let code = self.code.as_ref().map_or("", SqlState::code);
        self.connection_lost()
            || code.starts_with("53")
            || matches!(code, "57P03" | "55P03" | "40001" | "40P01" | "57014" | "72000")
    }
}

impl From<&tokio_postgres::Error> for ServerError {
    fn from(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(server) => Self {
                code: Some(server.code().clone()),
                message: server.message().replace(['\n', '\r'], " "),
                closed: false,
            },
            None => {
                let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
                let io = std::error::Error::source(error).is_some_and(|source| source.is::<io::Error>());
                Self { code: None, message: format!("{error}{source}"), closed: io || error.is_closed() }
            }
        }
    }
}

impl From<tokio_postgres::Error> for ServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::from(&error)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (SQLSTATE {})", self.message, code.code()),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ServerError {}

/// A connection string that cannot be used, or a server that cannot be reached or must not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection string is malformed. Its text is never repeated, since it may hold a password.
    #[error("the connection string cannot be read: {what}")]
    Invalid {
        /// What is wrong with it.
        what: String,
    },
    /// `env:NAME` names a variable that is not set.
    #[error("the environment variable {name} is not set: it should hold a connection string")]
    NoVariable {
        /// The variable.
        name: String,
    },
    /// A file that the connection needs cannot be read.
    #[error("could not read the {what} {}", path.display())]
    File {
        /// What the file is.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file with a password can be read by others.
    #[error("the {what} {} can be read by others: run `chmod 600 {}`", path.display(), path.display())]
    Exposed {
        /// What the file is.
        what: &'static str,
        /// Where.
        path: PathBuf,
    },
    /// A service is not in the service file.
    #[error("the service `{name}` is in no service file (looked in {looked_in})")]
    NoService {
        /// The service.
        name: String,
        /// The files.
        looked_in: String,
    },
    /// The connection string names something of the machine that connects, and who wrote it may not (safety rule S29).
    #[error("the connection string names {what}: only the operator of this installation may use it")]
    NotRemote {
        /// What it names.
        what: String,
    },
    /// A host is not one of the public Internet, and who named it may reach no other (safety rule S29).
    #[error(
        "`{host}` is not on the public Internet: the operator of this installation can set up sources on its own networks"
    )]
    NotPublic {
        /// As it was written.
        host: String,
    },
    /// A host's name has no address.
    #[error("the host `{host}` cannot be looked up")]
    Unresolved {
        /// As it was written.
        host: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificates or keys cannot be used.
    #[error("TLS cannot be set up: {what}")]
    Tls {
        /// What is wrong.
        what: String,
    },
    /// The server cannot be reached or refuses the session.
    #[error("could not connect to {to}: {advice}")]
    Connect {
        /// The server and database, without password.
        to: String,
        /// What to do about it.
        advice: String,
        /// What the server or the network said.
        #[source]
        source: ServerError,
    },
    /// The server took too long to answer.
    #[error("{to} did not answer within {seconds} s: check the address and the network, or raise connect_timeout")]
    Timeout {
        /// The server and database.
        to: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The server is too old.
    #[error("{to} runs PostgreSQL {version}: Keepsake needs 13 or later")]
    OldServer {
        /// The server and database.
        to: String,
        /// Its version.
        version: String,
    },
    /// A pooler sits in between and changes the backend between transactions (safety rule S10).
    #[error(
        "{to} is behind a connection pooler in transaction mode ({evidence}): snapshots and locks would not hold. \
         Connect to the database directly, or to the pooler's session-mode port (Supabase: port 5432, not 6543)"
    )]
    Pooler {
        /// The server and database.
        to: String,
        /// How it showed.
        evidence: String,
    },
    /// A statement that prepares the session failed.
    #[error("could not {what}")]
    Statement {
        /// What was tried.
        what: String,
        /// What the server said.
        #[source]
        source: ServerError,
    },
    /// The session had a COPY broken off and cannot be used again.
    #[error("this session was broken off and cannot be used again: open another")]
    Broken,
}

impl Error {
    /// Whether trying again later, unchanged, may succeed.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Connect { source, .. } | Self::Statement { source, .. } => source.retryable(),
            _ => false,
        }
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }

    pub(crate) fn statement(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        let what = what.into();
        move |error| Self::Statement { what, source: error.into() }
    }
}
