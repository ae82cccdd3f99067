//! Where the catalog is: at a URL, or in a private PostgreSQL of this installation's own.
//!
//! Without a URL the installed PostgreSQL programs run a cluster in `KEEPSAKE_HOME/catalog`, on a Unix socket that only
//! its own user and root can reach. It is made once, started with the service and stopped with it; a server that outlived a
//! killed service is used as it is found. Growing up is changing one URL.

use crate::{
    context::Context,
    error::{Code, Error, Result},
};
use keepsake_catalog::{Catalog, Settings};
use keepsake_domain::ProcessId;
use keepsake_keys::CatalogRole;
use keepsake_postgres::cluster::{self, Cluster, Programs};
use rustix::fs::{FlockOperation, flock};
use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// Database and owner of an embedded catalog.
const DATABASE: &str = "keepsake";
/// Connections for requests and use cases.
const CONNECTIONS: u32 = 32;
/// What an embedded server is started with. Commits are on disk when they are answered; that is the default.
const SERVER_SETTINGS: &[(&str, &str)] = &[
    ("unix_socket_permissions", "0700"),
    ("max_connections", "100"),
    ("shared_buffers", "128MB"),
    ("log_min_messages", "warning"),
    // Parameters of statements never reach the log.
    ("log_parameter_max_length_on_error", "0"),
    ("log_min_error_statement", "panic"),
];

/// The catalog's URL from where it is kept: `env:NAME` or `file:PATH`. A URL on a command line would show its password to every
/// user of the machine.
///
/// # Errors
/// [`Code::DsnInvalid`]; what was found is never repeated.
pub fn locate(spec: &str, env: &dyn Fn(&str) -> Option<OsString>) -> Result<String> {
    let wrong = |message: &str| Error::new(Code::DsnInvalid, message);
    let url = super::kept::read(spec, "the catalog's URL", Code::DsnInvalid, env)?;
    match url.starts_with("postgres://") || url.starts_with("postgresql://") {
        true => Ok(url),
        false => Err(wrong("the catalog's URL must be one of PostgreSQL: postgres://user@host/database")),
    }
}

/// The private server of an embedded catalog. Dropped, it is stopped.
#[derive(Debug)]
pub struct Embedded {
    cluster: Cluster,
    /// One service a home: held as long as the server runs.
    _lock: File,
}

/// Opens the catalog at `url`, or the embedded one, which is then returned to be kept alive.
///
/// # Errors
/// [`Code::CatalogFailed`] by cause.
pub async fn open(
    context: &Context,
    url: Option<&str>,
    node: &str,
    roles: &[String],
) -> Result<(Catalog, Option<Embedded>)> {
    let (owner_url, embedded) = match url {
        Some(url) => (url.to_owned(), None),
        None => {
            let folder = context.home.folder().join("catalog");
            let embedded = blocking(move || Embedded::start(&folder)).await?;
            embedded.ensure_database().await?;
            (embedded.url(), Some(embedded))
        }
    };
    Ok((connect(context, owner_url, node, roles).await?, embedded))
}

/// Opens the catalog that an installation has, also beside a service that runs: an embedded server that is up is used as it is and
/// left running, one that is not is started and returned, to be stopped. None is made.
///
/// # Errors
/// [`Code::NotFound`] if no service ever ran here; [`Code::CatalogFailed`] by cause.
pub async fn open_existing(
    context: &Context,
    url: Option<&str>,
    node: &str,
    roles: &[String],
) -> Result<(Catalog, Option<Embedded>)> {
    let (owner_url, embedded) = match url {
        Some(url) => (url.to_owned(), None),
        None => {
            let folder = context.home.folder().join("catalog");
            blocking(move || Embedded::start_or_find(&folder)).await?
        }
    };
    Ok((connect(context, owner_url, node, roles).await?, embedded))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::because(Code::CatalogFailed, "the private server", error))?
}

async fn connect(context: &Context, owner_url: String, node: &str, roles: &[String]) -> Result<Catalog> {
    let password = |role| context.master.catalog_password(role).to_string();
    let settings = Settings {
        owner_url,
        passwords: [password(CatalogRole::Application), password(CatalogRole::Worker)],
        connections: CONNECTIONS,
        process: ProcessId::from_uuid(context.new_id()?),
        node: node.to_owned(),
        roles: roles.to_vec(),
    };
    Catalog::open(&settings).await.map_err(failed)
}

impl Embedded {
    /// Starts the server in `folder`, making the cluster if there is none.
    fn start(folder: &Path) -> Result<Self> {
        let programs = Programs::find().map_err(cluster_error)?;
        make_reachable(folder, &programs)?;
        let lock = lock(folder)?.ok_or_else(|| {
            let message = format!(
                "another keepsake serve uses {}: stop it first, or give this one a KEEPSAKE_HOME of its own",
                folder.display()
            );
            Error::new(Code::CatalogFailed, message)
        })?;
        let data = folder.join("server");
        if !is_made(&data)? {
            create(&programs, folder, &data)?;
        }
        Self::start_locked(&programs, &data, lock)
    }

    /// The URL of the server in `folder`, which is started if no service runs there.
    fn start_or_find(folder: &Path) -> Result<(String, Option<Self>)> {
        let data = folder.join("server");
        if !is_made(&data)? {
            let message = format!("there is no catalog in {}: no service has run here", folder.display());
            return Err(Error::new(Code::NotFound, message));
        }
        let programs = Programs::find().map_err(cluster_error)?;
        Ok(match lock(folder)? {
            Some(lock) => {
                let embedded = Self::start_locked(&programs, &data, lock)?;
                (embedded.url(), Some(embedded))
            }
            None => (url(&Cluster::at(&programs, &data).map_err(cluster_error)?), None),
        })
    }

    fn start_locked(programs: &Programs, data: &Path, lock: File) -> Result<Self> {
        check_version(programs, data)?;
        let mut cluster = Cluster::at(programs, data).map_err(cluster_error)?;
        if !cluster.adopt() {
            cluster.start(SERVER_SETTINGS).map_err(cluster_error)?;
        }
        Ok(Self { cluster, _lock: lock })
    }

    fn url(&self) -> String {
        url(&self.cluster)
    }

    async fn ensure_database(&self) -> Result<()> {
        self.cluster.ensure_database(DATABASE).await.map_err(cluster_error)
    }

    /// Stops the server: open transactions are rolled back, data are written out.
    ///
    /// # Errors
    /// [`Code::CatalogFailed`] if it does not stop.
    pub fn stop(mut self) -> Result<()> {
        self.cluster.stop().map_err(cluster_error)
    }
}

/// The server's user must be able to reach its folder through all those above it.
pub(crate) fn make_reachable(folder: &Path, programs: &Programs) -> Result<()> {
    let home = folder.parent().unwrap_or(folder);
    crate::home::private_folder(home)?;
    if programs.runs_as_another_user() {
        // Search, not read: the names in the home stay unlisted, and its files are readable by their owner only.
        fs::set_permissions(home, fs::Permissions::from_mode(0o711)).map_err(|error| io_error(home, error))?;
        for above in home.ancestors().skip(1) {
            let mode = fs::metadata(above).map_err(|error| io_error(above, error))?.permissions().mode();
            if mode & 0o001 == 0 {
                return Err(Error::new(
                    Code::CatalogFailed,
                    format!(
                        "PostgreSQL does not run as root, and its user cannot reach {} through {}: set KEEPSAKE_HOME to a folder such \
                         as /var/lib/keepsake, run keepsake as another user, or name a server with --catalog-url",
                        home.display(),
                        above.display()
                    ),
                ));
            }
        }
    }
    fs::create_dir_all(folder).map_err(|error| io_error(folder, error))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).map_err(|error| io_error(folder, error))
}

fn url(cluster: &Cluster) -> String {
    let socket = cluster.socket().display().to_string();
    let socket: String = url::form_urlencoded::byte_serialize(socket.as_bytes()).collect();
    format!("postgres://postgres@localhost/{DATABASE}?host={socket}")
}

/// Whether there is a cluster in `data`.
fn is_made(data: &Path) -> Result<bool> {
    data.join("data/PG_VERSION").try_exists().map_err(|error| io_error(data, error))
}

/// The lock of a folder, unless another process has it.
fn lock(folder: &Path) -> Result<Option<File>> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(|error| io_error(&path, error))?;
    Ok(flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(file))
}

/// Makes the cluster beside its place and moves it there when it is whole: what a killed start leaves is thrown away.
fn create(programs: &Programs, folder: &Path, place: &Path) -> Result<()> {
    let new = folder.join("server.new");
    if new.try_exists().map_err(|error| io_error(&new, error))? {
        fs::remove_dir_all(&new).map_err(|error| io_error(&new, error))?;
    }
    Cluster::create_durable(programs, &new).map_err(cluster_error)?;
    fs::rename(&new, place).map_err(|error| io_error(place, error))
}

/// Minor upgrades keep the files; a major one needs `pg_upgrade` by hand, and says so instead of failing somewhere later.
fn check_version(programs: &Programs, place: &Path) -> Result<()> {
    let path = place.join("data/PG_VERSION");
    let files = fs::read_to_string(&path).map_err(|error| io_error(&path, error))?;
    let (files, server) = (files.trim(), programs.major_version().map_err(cluster_error)?);
    if files == server {
        return Ok(());
    }
    Err(Error::new(
        Code::CatalogFailed,
        format!(
            "the catalog in {} was made by PostgreSQL {files}, and the programs found are version {server}: name the folder of version \
             {files} in KEEPSAKE_POSTGRES_BIN, or upgrade the files with pg_upgrade",
            place.display()
        ),
    ))
}

fn cluster_error(error: cluster::Error) -> Error {
    Error::because(Code::CatalogFailed, "the catalog's private server cannot be used", error)
}

fn io_error(path: &Path, error: std::io::Error) -> Error {
    Error::because(Code::CatalogFailed, format!("cannot use {}", path.display()), error)
}

/// A catalog's failure under the code that a user can look up.
pub(crate) fn failed(error: keepsake_catalog::Error) -> Error {
    use keepsake_catalog::Error as Catalog;
    match error {
        Catalog::Exists { .. } => Error::because(Code::Exists, "something of that name is there already", error),
        Catalog::Missing { .. } => Error::because(Code::NotFound, "something that this refers to is not there", error),
        Catalog::Unstorable(_) => {
            let message = "a value cannot be stored: it is out of the range of its kind, such as a time before year 1";
            Error::because(Code::Invalid, message, error)
        }
        error => Error::because(Code::CatalogFailed, "the catalog cannot be used", error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_found_where_it_is_kept_and_never_repeated() {
        let env = |name: &str| match name {
            "GOOD" => Some("postgres://owner:secret@db/catalog\n".into()),
            "BAD" => Some("mysql://owner:secret@db/catalog".into()),
            _ => None,
        };
        assert_eq!(locate("env:GOOD", &env).unwrap(), "postgres://owner:secret@db/catalog");
        for spec in ["env:BAD", "env:NONE", "file:/nowhere/url", "postgres://owner:secret@db/catalog"] {
            let error = locate(spec, &env).unwrap_err();
            assert_eq!(error.code(), Code::DsnInvalid, "{spec}");
            assert!(!error.chain().contains("secret"), "{}", error.chain());
        }
    }
}
