//! A private PostgreSQL cluster of the installed server programs: created, started, stopped by its process.
//!
//! Used for the demo, for tests, and as a place to try restores. It listens on a Unix socket only, in its own folder.
//! PostgreSQL refuses to run as root, so under root the programs run as the user `postgres`, or `nobody` without one.
//! It leaves what is inside the cluster to its callers.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// What can go wrong with a private cluster.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server programs were found.
    #[error(
        "PostgreSQL's server programs (initdb, postgres) were not found: install the package `postgresql`, \
         or name their folder in KEEPSAKE_POSTGRES_BIN"
    )]
    NoPrograms,
    /// One of them failed.
    #[error("{program} failed: {message}")]
    Program {
        /// Which.
        program: String,
        /// What it printed last.
        message: String,
    },
    /// A file or process could not be handled.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

/// The installed server programs and the user that runs them.
#[derive(Debug, Clone)]
pub struct Programs {
    bin: PathBuf,
    run_as: Option<(u32, u32)>,
}

impl Programs {
    /// Finds the newest installed version, or the one in `KEEPSAKE_POSTGRES_BIN`.
    ///
    /// # Errors
    /// [`Error::NoPrograms`] if there are none.
    pub fn find() -> Result<Self, Error> {
        let named = std::env::var_os("KEEPSAKE_POSTGRES_BIN").map(PathBuf::from);
        let bin = match named {
            Some(folder) => folder.join("initdb").is_file().then_some(folder),
            None => newest_debian_version().or_else(on_path),
        };
        Ok(Self { bin: bin.ok_or(Error::NoPrograms)?, run_as: unprivileged_user() })
    }

    /// Full path of one program, such as `pg_dump`.
    pub fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }

    /// Whether the server runs as another user than this process: so it is under root.
    pub const fn runs_as_another_user(&self) -> bool {
        self.run_as.is_some()
    }

    /// The major version of the server, such as `15`.
    ///
    /// # Errors
    /// [`Error::Program`] if it does not say.
    pub fn major_version(&self) -> Result<String, Error> {
        let output = run(self, "postgres", |command| {
            command.arg("--version");
        })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = version.and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next());
        major.map(str::to_owned).ok_or_else(|| Error::Program { program: "postgres".to_owned(), message: text })
    }

    /// A command that runs one program as the unprivileged user.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.path(program));
        command.env_remove("PGDATA").env("LC_ALL", "C").stdin(Stdio::null()).current_dir("/");
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Gives a file or folder to the user that runs the server.
    ///
    /// # Errors
    /// [`Error::Io`] if the owner cannot be changed.
    pub fn give(&self, path: &Path) -> Result<(), Error> {
        match self.run_as {
            Some((uid, gid)) => {
                chown(path, Some(uid), Some(gid)).map_err(io_error(format!("could not hand over {}", path.display())))
            }
            None => Ok(()),
        }
    }
}

fn newest_debian_version() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    versions.sort_unstable();
    versions.pop().map(|(_, bin)| bin)
}

fn on_path() -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).find(|folder| folder.join("initdb").is_file())
}

fn unprivileged_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(ids("postgres").or_else(|| ids("nobody")).unwrap_or((65534, 65534)))
}

/// A cluster in a folder. Dropped, a started cluster is stopped at once (its data stay).
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    data: PathBuf,
    socket: PathBuf,
    running: bool,
}

impl Cluster {
    /// Creates a cluster below `folder` (which is made if it is missing, and must be reachable by the server's user):
    /// superuser `postgres`, no password on its own socket, UTF-8, C collation.
    ///
    /// # Errors
    /// [`Error`] by cause; a folder that holds a cluster already is a program error.
    pub fn create(programs: &Programs, folder: &Path) -> Result<Self, Error> {
        Self::create_with(programs, folder, &["-N"])
    }

    /// As [`create`](Self::create), and on disk when it returns, with checksums of its pages: for data that are kept.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_durable(programs: &Programs, folder: &Path) -> Result<Self, Error> {
        Self::create_with(programs, folder, &["-k"])
    }

    fn create_with(programs: &Programs, folder: &Path, options: &[&str]) -> Result<Self, Error> {
        let cluster = Self::at(programs, folder)?;
        let data = cluster.data.as_os_str();
        run(programs, "initdb", |command| {
            command.args([OsStr::new("-D"), data]);
            command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]).args(options);
        })?;
        Ok(cluster)
    }

    /// Takes charge of the server if it runs already, left behind by a process that was killed; whether it does.
    pub fn adopt(&mut self) -> bool {
        let data = self.data.clone();
        let status = run(&self.programs, "pg_ctl", |command| {
            command.arg("-D").arg(&data).arg("status");
        });
        self.running = status.is_ok();
        self.running
    }

    /// Makes a database if there is none of that name.
    ///
    /// # Errors
    /// [`Error::Program`] with what the server says.
    pub async fn ensure_database(&self, name: &str) -> Result<(), Error> {
        let failed = |error: tokio_postgres::Error| Error::Program {
            program: "postgres".to_owned(),
            message: error.as_db_error().map_or_else(|| error.to_string(), |server| server.message().to_owned()),
        };
        let (client, connection) =
            tokio_postgres::connect(&self.dsn("postgres"), tokio_postgres::NoTls).await.map_err(failed)?;
        let connection = tokio::spawn(connection);
        let known = client
            .query_opt("SELECT FROM pg_catalog.pg_database WHERE datname = $1", &[&name])
            .await
            .map_err(failed)?;
        if known.is_none() {
            let statement = format!("CREATE DATABASE {} TEMPLATE template0", crate::schema::quote_ident(name));
            client.batch_execute(&statement).await.map_err(failed)?;
        }
        drop(client);
        let _ended_with_its_client = connection.await;
        Ok(())
    }

    /// A cluster that was created below `folder` earlier.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be prepared.
    pub fn at(programs: &Programs, folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(io_error(format!("could not create {}", folder.display())))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
            .map_err(io_error(format!("could not open {} to the server's user", folder.display())))?;
        programs.give(folder)?;
        let folder = folder.canonicalize().map_err(io_error(format!("could not resolve {}", folder.display())))?;
        Ok(Self { programs: programs.clone(), data: folder.join("data"), socket: folder, running: false })
    }

    /// Starts the server and waits until it answers. `settings` are `name=value` pairs for its command line.
    ///
    /// # Errors
    /// [`Error::Program`] with the end of the server's log.
    pub fn start(&mut self, settings: &[(&str, &str)]) -> Result<(), Error> {
        let log = self.socket.join("server.log");
        let mut options = format!("-k {} -c listen_addresses=''", self.socket.display());
        for (name, value) in settings {
            options.push_str(&format!(" -c {name}={value}"));
        }
        let (data, log_arg) = (self.data.clone(), log.clone());
        let started = run(&self.programs, "pg_ctl", |command| {
            command.arg("-D").arg(&data).arg("-l").arg(&log_arg).args(["-w", "-t", "60", "-o", &options, "start"]);
            // The server keeps what it inherits: a pipe would never close.
            command.stdout(Stdio::null()).stderr(Stdio::null());
        });
        self.running = started.is_ok();
        started.map(drop).map_err(|error| match error {
            Error::Program { program, .. } => {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(5).collect();
                Error::Program { program, message: tail.into_iter().rev().collect::<Vec<_>>().join("; ") }
            }
            other => other,
        })
    }

    /// Stops the server: open transactions are rolled back, data are written out.
    ///
    /// # Errors
    /// [`Error::Program`] if it does not stop.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.stop_with("fast")
    }

    /// Stops the server as a power cut would: the next start recovers.
    ///
    /// # Errors
    /// [`Error::Program`] if it does not stop.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.stop_with("immediate")
    }

    fn stop_with(&mut self, mode: &str) -> Result<(), Error> {
        let data = self.data.clone();
        run(&self.programs, "pg_ctl", |command| {
            command.arg("-D").arg(&data).args(["-w", "-t", "60", "-m", mode, "stop"]);
        })?;
        self.running = false;
        Ok(())
    }

    /// The folder of the server's socket: the `host` of a connection.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The folder of its data files.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A connection string for `database` as its superuser.
    pub fn dsn(&self, database: &str) -> String {
        format!("host={} user=postgres dbname={database}", self.socket.display())
    }

    /// The programs that run it.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.running {
            let _stopped_or_reported_by_the_next_start = self.stop_with("immediate");
        }
    }
}

fn run(programs: &Programs, program: &str, arrange: impl FnOnce(&mut Command)) -> Result<Output, Error> {
    let mut command = programs.command(program);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    arrange(&mut command);
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(io_error(format!("could not run {}", programs.path(program).display())))?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Program { program: program.to_owned(), message: reason(&String::from_utf8_lossy(&output.stderr)) })
}

/// What a program says went wrong: the first of its errors, because those after it are often of its cleaning up; else its last words.
fn reason(said: &str) -> String {
    let mut lines = said.lines().filter(|line| !line.trim().is_empty());
    let is_error = |line: &&str| line.contains("FATAL:") || line.contains("PANIC:") || line.contains("error:");
    let first = lines.clone().find(is_error);
    first.or_else(|| lines.next_back()).unwrap_or("no message").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_first_error_is_the_reason() {
        let said = "creating directory\nFATAL:  no space left\nchild process exited\ninitdb: error: failed to remove data directory\n";
        assert_eq!(reason(said), "FATAL:  no space left");
        assert_eq!(reason("one\ntwo\n\n"), "two");
        assert_eq!(reason(""), "no message");
    }
}
