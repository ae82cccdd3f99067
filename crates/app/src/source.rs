//! Protected databases as the use cases see them.

use crate::error::{Code, Error, Result};
use keepsake_postgres::connect::{self, Dsn, Purpose, Session};

/// Reads a connection string, `env:NAME` or `file:PATH`; what a person should know about it is passed to `warn`.
///
/// # Errors
/// [`Code::DsnInvalid`]; the string itself is never repeated.
pub fn resolve(spec: &str, warn: &dyn Fn(&str)) -> Result<Dsn> {
    let dsn = Dsn::resolve(spec, &|name| std::env::var_os(name))
        .map_err(|error| Error::because(Code::DsnInvalid, "the connection string cannot be used", error))?;
    dsn.warnings().iter().for_each(|warning| warn(warning));
    Ok(dsn)
}

/// Opens a session.
///
/// # Errors
/// [`Code::DatabaseUnreachable`], [`Code::DatabaseUnsuitable`].
pub async fn open(dsn: &Dsn, purpose: Purpose) -> Result<Session> {
    connect::connect(dsn, purpose).await.map_err(connect_error)
}

/// What stays the same about a database when its address changes: the name given, else the cluster's own id with the
/// database's name.
///
/// # Errors
/// [`Code::DatabaseRights`] if neither is to be had.
pub async fn identity(session: &Session, named: Option<&str>) -> Result<String> {
    if let Some(name) = named {
        return Ok(name.to_owned());
    }
    let statement = "SELECT system_identifier::text, current_database()::text FROM pg_catalog.pg_control_system()";
    let row = session.client.query_one(statement, &[]).await.map_err(|error| {
        Error::because(
            Code::DatabaseRights,
            "the cluster does not say its own id to this role: give this source a name with --source-name",
            connect::ServerError::from(error),
        )
    })?;
    let (system, database): (String, String) = (row.get(0), row.get(1));
    Ok(format!("postgres:{system}/{database}"))
}

/// A connection's failure under the code that a user can look up.
pub(crate) fn connect_error(error: connect::Error) -> Error {
    use connect::Error as Connect;
    let code = match &error {
        Connect::Invalid { .. } | Connect::NoVariable { .. } | Connect::NoService { .. } | Connect::File { .. } => {
            Code::DsnInvalid
        }
        Connect::NotPublic { .. } => Code::Forbidden,
        Connect::Exposed { .. } | Connect::Pooler { .. } | Connect::OldServer { .. } => Code::DatabaseUnsuitable,
        _ => Code::DatabaseUnreachable,
    };
    Error::because(code, "the database cannot be used", error)
}
