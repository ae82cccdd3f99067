//! A PostgreSQL of one's own for each test: copied from a template cluster that is initialised once per user and server
//! version, started on a socket in a temporary folder, gone with the value.

use crate::tools;
use keepsake_postgres::cluster::{Cluster, Programs};
use rustix::fs::{FlockOperation, flock};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// A running server that dies with this value.
#[derive(Debug)]
pub struct Server {
    cluster: Cluster,
    folder: TempDir,
}

impl Server {
    /// Starts a server with fast, forgetful settings (no fsync) and room for a hundred connections.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with further settings, such as `("wal_level", "logical")`.
    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let programs = Programs::find().expect("PostgreSQL is installed by script/tools");
        // Sockets have short names: never below a deep target folder.
        let folder = tempfile::Builder::new().prefix("ks-pg-").tempdir_in("/tmp").expect("a temporary folder");
        let mut cluster = Cluster::at(&programs, folder.path()).expect("the folder can be prepared");
        copy_template(&programs, cluster.data());
        let mut all = vec![("fsync", "off"), ("shared_buffers", "32MB"), ("max_connections", "100")];
        all.extend_from_slice(settings);
        cluster.start(&all).expect("the server starts");
        Self { cluster, folder }
    }

    /// The cluster, to stop, crash and start again.
    pub fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    /// A connection string for `database` as superuser.
    pub fn dsn(&self, database: &str) -> String {
        self.cluster.dsn(database)
    }

    /// A connection string for `database` as another role (connections need no password).
    pub fn dsn_as(&self, role: &str, database: &str) -> String {
        format!("host={} user={role} dbname={database}", self.cluster.socket().display())
    }

    /// The folder of the socket.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// Creates an empty database and returns its connection string.
    pub async fn create_database(&self, name: &str) -> String {
        let client = self.connect("postgres").await;
        let quoted = keepsake_postgres::schema::quote_ident(name);
        client.batch_execute(&format!("CREATE DATABASE {quoted} TEMPLATE template0")).await.expect("database created");
        self.dsn(name)
    }

    /// A client of `database` as superuser; its connection runs until it is dropped.
    pub async fn connect(&self, database: &str) -> tokio_postgres::Client {
        connect(&self.dsn(database)).await
    }
}

/// A client for a connection string of this module.
pub async fn connect(dsn: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(dsn, tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(async move {
        let _ends_with_the_client = connection.await;
    });
    client
}

/// Copies the initialised template to `data`, making it first if this user has none for this server.
fn copy_template(programs: &Programs, data: &Path) {
    let version = programs.command("postgres").arg("--version").output().expect("postgres runs");
    let version = String::from_utf8_lossy(&version.stdout).trim().replace([' ', '(', ')', '/'], "-");
    let template = tools::folder().join(format!("cluster-{version}"));
    let parent = template.parent().expect("the tools folder has a name");
    fs::create_dir_all(parent).expect("the tools folder can be made");
    let lock = fs::File::create(parent.join("cluster.lock")).expect("the lock can be made");
    flock(&lock, FlockOperation::LockExclusive).expect("the lock can be taken");
    if !template.join("data/PG_VERSION").is_file() {
        // initdb runs as another user, who may not be able to reach this user's cache.
        let fresh = tempfile::Builder::new().prefix("ks-tpl-").tempdir_in("/tmp").expect("a temporary folder");
        let made = Cluster::create(programs, fresh.path()).expect("initdb works");
        let _gone_or_never_there = fs::remove_dir_all(&template);
        fs::create_dir_all(&template).expect("the template folder can be made");
        copy(made.data(), &template.join("data"));
    }
    drop(lock);
    copy(&template.join("data"), data);
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(done.success(), "could not copy {} to {}", from.display(), to.display());
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn each_server_is_its_own() {
        let (one, two) = (super::Server::start(), super::Server::start());
        one.create_database("weddings").await;
        let count = "SELECT count(*) FROM pg_database WHERE datname = 'weddings'";
        let rows = |client: tokio_postgres::Client| async move {
            client.query_one(count, &[]).await.unwrap().get::<_, i64>(0)
        };
        assert_eq!(rows(one.connect("postgres").await).await, 1);
        assert_eq!(rows(two.connect("postgres").await).await, 0);
    }
}
