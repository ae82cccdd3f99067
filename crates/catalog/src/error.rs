//! What can go wrong with the catalog, in words that name no row and no statement.

/// Result of a catalog operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed catalog operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL of the catalog cannot be used.
    #[error("the catalog's connection string cannot be used")]
    Url(#[source] sqlx::Error),
    /// The server cannot be reached, or closed the connection.
    #[error("the catalog cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// The server runs an older PostgreSQL than is supported.
    #[error("the catalog needs PostgreSQL 15 or newer; this server is version {version}")]
    OldServer {
        /// What it says it is.
        version: String,
    },
    /// A migration failed, or the catalog was made by a newer Keepsake.
    #[error("the catalog could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The owner lacks a right that installing needs.
    #[error("the catalog's owner may not {what}: grant it {grant}")]
    OwnerRights {
        /// What was tried.
        what: &'static str,
        /// The right.
        grant: &'static str,
    },
    /// Something of that name or kind is there already.
    #[error("there is one already")]
    Exists {
        /// The rule of the schema that says so.
        constraint: String,
    },
    /// What a row refers to is not there, or not in reach.
    #[error("something that it refers to does not exist")]
    Missing {
        /// The rule of the schema that says so.
        constraint: String,
    },
    /// The schema refuses the values.
    #[error("the catalog refuses these values")]
    Refused {
        /// The rule of the schema that says so, or its words.
        constraint: String,
    },
    /// A value is one that PostgreSQL cannot hold: a time before its calendar, or U+0000 in a text.
    #[error("a value cannot be stored")]
    Unstorable(#[source] sqlx::Error),
    /// Another transaction was faster; the same may be tried again.
    #[error("another transaction came in between")]
    Conflict,
    /// What is in a row cannot be read: it was written by a newer Keepsake, or by hand.
    #[error("a row of the catalog cannot be understood: {what}")]
    Row {
        /// Which kind of row and what of it.
        what: String,
    },
    /// Anything else that the server says.
    #[error("the catalog failed")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Whether trying the same again may help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Conflict)
    }

    pub(crate) fn row(what: impl Into<String>) -> Self {
        Self::Row { what: what.into() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match &error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Self::Unreachable(error)
            }
            sqlx::Error::Database(database) => {
                let constraint = || database.constraint().unwrap_or_else(|| database.message()).to_owned();
                match (database.kind(), database.code().as_deref()) {
                    (ErrorKind::UniqueViolation, _) => Self::Exists { constraint: constraint() },
                    (ErrorKind::ForeignKeyViolation, _) => Self::Missing { constraint: constraint() },
                    (ErrorKind::CheckViolation | ErrorKind::NotNullViolation, _) => {
                        Self::Refused { constraint: constraint() }
                    }
                    // Out of range: a number, a time. No text: U+0000, as it is or in JSON.
                    (_, Some("22003" | "22008" | "22021" | "22P05")) => Self::Unstorable(error),
                    (_, Some("40001" | "40P01" | "55P03")) => Self::Conflict,
                    (_, Some(code)) if code.starts_with("57P") || code.starts_with("08") => Self::Unreachable(error),
                    _ => Self::Database(error),
                }
            }
            sqlx::Error::ColumnDecode { index, .. } => Self::row(format!("column {index}")),
            _ => Self::Database(error),
        }
    }
}
