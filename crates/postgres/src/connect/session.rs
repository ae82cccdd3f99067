//! One session with a server.

use super::{CopyOut, Dsn, Error, Result, ServerError};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A session that is ready for work: preamble set, server and pooler checked. Its connection runs as a task of its own and
/// ends with this value.
#[derive(Debug)]
pub struct Session {
    /// The client, for statements and transactions.
    pub client: Client,
    /// `pg_backend_pid()`.
    pub backend_pid: i32,
    /// `server_version_num`, such as 150018.
    pub server_version: i32,
    /// The role is a superuser.
    pub superuser: bool,
    /// The server is a standby, replaying another's changes.
    pub standby: bool,
    pub(super) dsn: Dsn,
    pub(super) canceller: Canceller,
    pub(super) broken: Arc<AtomicBool>,
}

impl Session {
    /// Where it is connected to.
    pub fn dsn(&self) -> &Dsn {
        &self.dsn
    }

    /// Cancels what the session runs, from any task.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Whether a COPY was broken off, or the connection is gone: such a session is of no more use.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire) || self.client.is_closed()
    }

    /// Begins `COPY (...) TO STDOUT`. A stream dropped before its end, or one that fails, cancels the statement on the server
    /// and breaks the session, since what else is on its way cannot be told from the next answer.
    ///
    /// # Errors
    /// [`Error::Broken`], or [`Error::Statement`] with what the server said.
    pub async fn copy_out(&self, statement: &str) -> Result<CopyOut> {
        let prepared = self.prepare(statement).await?;
        self.copy_out_prepared(&prepared).await
    }

    /// As [`copy_out`](Self::copy_out), of a statement that was prepared before: the way to pipeline many.
    ///
    /// # Errors
    /// [`Error::Broken`], or [`Error::Statement`] with what the server said.
    pub async fn copy_out_prepared(&self, statement: &tokio_postgres::Statement) -> Result<CopyOut> {
        self.usable()?;
        let stream = self.client.copy_out(statement).await.map_err(Error::statement("start copying rows out"))?;
        Ok(CopyOut::new(stream, self.canceller(), Arc::clone(&self.broken)))
    }

    /// Prepares a statement.
    ///
    /// # Errors
    /// [`Error::Broken`], or [`Error::Statement`] with what the server said.
    pub async fn prepare(&self, statement: &str) -> Result<tokio_postgres::Statement> {
        self.usable()?;
        self.client.prepare(statement).await.map_err(Error::statement("prepare a statement"))
    }

    fn usable(&self) -> Result<()> {
        if self.is_broken() { Err(Error::Broken) } else { Ok(()) }
    }
}

/// Asks the server to end what one session runs.
#[derive(Clone)]
pub struct Canceller {
    pub(super) token: CancelToken,
    pub(super) tls: MakeRustlsConnect,
}

impl Canceller {
    /// Sends the request over a connection of its own. The server does not say whether it found anything to cancel.
    ///
    /// # Errors
    /// What kept the request from being sent.
    pub async fn cancel(&self) -> Result<(), ServerError> {
        self.token.cancel_query(self.tls.clone()).await.map_err(ServerError::from)
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canceller")
    }
}
