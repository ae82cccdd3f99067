//! Opening the catalog: schema brought up to date, roles made, this process registered, pools ready.

use crate::{Error, Result, migrate, process};
use keepsake_domain::ProcessId;
use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr, time::Duration};

/// How to open the catalog.
#[derive(Clone)]
pub struct Settings {
    /// Connection string of the role that owns the schema and may make roles.
    pub owner_url: String,
    /// Passwords of the two login roles (application, worker): the caller derives them from its master key, so that every
    /// node of an installation has the same and none is stored.
    pub passwords: [String; 2],
    /// Connections for requests and use cases, at most.
    pub connections: u32,
    /// Id of this process: new at each start.
    pub process: ProcessId,
    /// What people call the machine.
    pub node: String,
    /// What the process does: api, worker, scheduler.
    pub roles: Vec<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("process", &self.process).field("node", &self.node).finish_non_exhaustive()
    }
}

/// The opened catalog. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) app: PgPool,
    pub(crate) worker: PgPool,
    pub(crate) process: ProcessId,
    pub(crate) secret: [u8; 32],
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").field("process", &self.process).finish_non_exhaustive()
    }
}

/// How long a request waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections of the queue: claims, heartbeats and reaping are short.
const WORKER_CONNECTIONS: u32 = 4;

impl Catalog {
    /// Opens the catalog, bringing its schema up to date first.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Unreachable`], [`Error::OldServer`], [`Error::Migrate`], [`Error::OwnerRights`].
    pub async fn open(settings: &Settings) -> Result<Self> {
        let owner = PgConnectOptions::from_str(&settings.owner_url)
            .map_err(Error::Url)?
            .application_name("keepsake catalog owner");
        let (mut connection, logins) = migrate::prepare(&owner, &settings.passwords).await?;
        let secret = process::register(&mut connection, settings.process, &settings.node, &settings.roles).await?;
        connection.close().await?;
        let [app_password, worker_password] = &settings.passwords;
        let pool = |login: &str, password: &str, connections: u32| {
            let options = owner
                .clone()
                .username(login)
                .password(password)
                .application_name("keepsake")
                .options([("idle_in_transaction_session_timeout", "60000"), ("statement_timeout", "60000")]);
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                // A connection that comes back inside a transaction would show the next request somebody else's scope.
                .after_release(|connection, _| {
                    Box::pin(async move {
                        // Outside a transaction each statement begins one of its own.
                        let idle = sqlx::query_scalar!("SELECT now() = statement_timestamp() AS \"idle!\"");
                        Ok(idle.fetch_one(connection).await.unwrap_or(false))
                    })
                })
                .connect_lazy_with(options)
        };
        Ok(Self {
            app: pool(&logins.app, app_password, settings.connections),
            worker: pool(&logins.worker, worker_password, WORKER_CONNECTIONS),
            process: settings.process,
            secret,
        })
    }

    /// This process.
    pub const fn process(&self) -> ProcessId {
        self.process
    }

    /// Closes the pools; what is under way is given a moment to end.
    pub async fn close(&self) {
        self.app.close().await;
        self.worker.close().await;
    }
}
