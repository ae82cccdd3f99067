//! Sources: what is protected. Databases as the use cases see them, and the register of sources of the service.
//!
//! Credentials come in once, are sealed for their row, and are never given out (S30). What a supplier writes may name servers on
//! the Internet and nothing of this machine or its networks; sockets, host paths and private networks are set up by the
//! operator (S29).

mod change;
mod create;
mod credential;
mod delete;
mod inspect;
mod lasting;
mod list;
mod mapping;
mod plan;
mod sync;

pub use change::{Change, change};
pub(crate) use create::check_name;
pub use create::{Address, New, create};
pub use credential::{Keys, Purpose as CredentialPurpose, Secret, dsn};
pub(crate) use credential::{seal, unseal};
pub use delete::delete;
pub use inspect::{Proposal, inspect};
pub use list::{Shown, get, list};
pub use mapping::{Mapped, mapping, set_mapping};
pub(crate) use plan::{next_run, on_grid};
pub use sync::{Synced, sync, sync_as};

use crate::error::{Code, Error, Result};
use crate::service::{Caller, Service, catalog::failed};
use keepsake_catalog::sources::{self, Source};
use keepsake_domain::{
    SourceId,
    permission::{Action, Relation},
};
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

/// The source of that id, for an act on it: what is not there, or not for this caller, is put on record as a refusal.
pub(crate) async fn find(service: &Service, caller: &Caller, action: Action, id: SourceId) -> Result<Source> {
    let found = sources::get(&mut service.begin(caller).await?, id).await.map_err(failed)?;
    if let Some(source) = found {
        return Ok(source);
    }
    service.allow(caller, action, Relation::Foreign, &subject(id), None).await?;
    Err(Error::new(Code::NotFound, "there is no source of that id"))
}

pub(crate) fn subject(id: SourceId) -> String {
    format!("source {id}")
}

/// A connection's failure under the code that a user can look up.
pub(crate) fn connect_error(error: connect::Error) -> Error {
    use connect::Error as Connect;
    let code = match &error {
        Connect::Invalid { .. } | Connect::NoVariable { .. } | Connect::NoService { .. } | Connect::File { .. } => {
            Code::DsnInvalid
        }
        Connect::NotPublic { .. } | Connect::NotRemote { .. } => Code::Forbidden,
        Connect::Exposed { .. } | Connect::Pooler { .. } | Connect::OldServer { .. } => Code::DatabaseUnsuitable,
        _ => Code::DatabaseUnreachable,
    };
    Error::because(code, "the database cannot be used", error)
}
