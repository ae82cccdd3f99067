//! Where a database is and how to get in.

use super::{
    Error, Result,
    host::{self, Host},
    known::{FROM_ENVIRONMENT, Known},
    parse::{self, Parameters},
    passfile, service,
};
use std::{
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// Reads one environment variable. A parameter, so that tests and services decide what is seen.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Variables to remove from a child's environment before [`Dsn::for_child`] is set there: ambient values of these would
/// change where it connects.
pub const CHILD_UNSET: &[&str] = &[
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLMODE",
    "PGREQUIRESSL",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLROOTCERT",
    "PGSSLCRL",
    "PGOPTIONS",
    "PGAPPNAME",
    "PGTARGETSESSIONATTRS",
    "PGCONNECT_TIMEOUT",
    "PGCHANNELBINDING",
    "PGCLIENTENCODING",
    "PGDATESTYLE",
    "PGTZ",
    "PGLOADBALANCEHOSTS",
];

/// How the connection is encrypted and what is verified, as in libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never encrypted.
    Disable,
    /// Encrypted if the server can, nothing verified. The default on sockets and loopback.
    Prefer,
    /// Always encrypted, nothing verified: protects from listeners, not from impostors.
    Require,
    /// Encrypted, and the certificate was signed by a trusted authority.
    VerifyCa,
    /// Encrypted, signed by a trusted authority, and issued for this host. The default off loopback.
    VerifyFull,
}

impl SslMode {
    /// libpq's word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "disable" => Self::Disable,
            // libpq's `allow` tries without encryption first; trying with it first gives no less.
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return Err(Error::invalid("sslmode must be disable, prefer, require, verify-ca or verify-full")),
        })
    }
}

/// A database, resolved: no environment or file is read after this. Its `Debug` and `Display` never show the password.
#[derive(Clone)]
pub struct Dsn {
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) database: String,
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Duration,
    pub(super) ssl_mode: SslMode,
    pub(super) ssl_root_cert: Option<PathBuf>,
    pub(super) ssl_client: Option<(PathBuf, PathBuf)>,
    pub(super) read_write: bool,
    pub(super) channel_binding: bool,
    pub(super) warnings: Vec<String>,
}

impl Dsn {
    /// Resolves what a person wrote: a `postgresql://` URL, `key=value` pairs, `env:NAME` (a variable that holds either), or
    /// `file:PATH` (a file that does, readable by its owner only). What is not said comes from the service file, then from
    /// `PGHOST`, `PGPORT`, `PGUSER`, `PGDATABASE`, `PGPASSWORD`, `PGPASSFILE` and the other variables of libpq, then from
    /// `~/.pgpass`.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NoVariable`], [`Error::File`], [`Error::Exposed`] or [`Error::NoService`].
    pub fn resolve(spec: &str, env: Env<'_>) -> Result<Self> {
        let mut warnings = Vec::new();
        let given = if let Some(name) = spec.strip_prefix("env:") {
            let text = Zeroizing::new(variable(env, name).ok_or_else(|| Error::NoVariable { name: name.to_owned() })?);
            parse::parameters(&text)?
        } else if let Some(path) = spec.strip_prefix("file:") {
            let path = Path::new(path);
            let missing = || Error::File {
                what: "file with the connection string",
                path: path.to_owned(),
                source: std::io::ErrorKind::NotFound.into(),
            };
            let text = passfile::read_secret(path, "file with the connection string")?.ok_or_else(missing)?;
            parse::parameters(&text)?
        } else {
            let given = parse::parameters(spec)?;
            if given.iter().any(|(key, _)| key == "password") {
                warnings.push(
                    "the password is part of the command line, where other users of this machine can see it: \
                     use env:NAME, file:PATH, PGPASSWORD or ~/.pgpass"
                        .to_owned(),
                );
            }
            given
        };
        Self::complete(given, env, warnings)
    }

    pub(super) fn complete(given: Parameters, env: Env<'_>, mut warnings: Vec<String>) -> Result<Self> {
        let mut all = Known::new(given)?;
        if let Some(name) = all.take("service").or_else(|| variable(env, "PGSERVICE")) {
            all.add_missing(service::parameters(&name, &service_files(env))?)?;
        }
        for (key, name) in FROM_ENVIRONMENT {
            if let Some(value) = variable(env, name) {
                all.add_missing(vec![((*key).to_owned(), value)])?;
            }
        }
        let hosts = host::listed(&mut all)?;
        let user = all.take("user").or_else(|| variable(env, "USER")).or_else(|| variable(env, "LOGNAME"));
        let user = user.ok_or_else(|| Error::invalid("it names no user (user=..., or PGUSER)"))?;
        let database = all.take("dbname").unwrap_or_else(|| user.clone());
        let ssl_mode = match all.take("sslmode") {
            Some(mode) => SslMode::parse(&mode)?,
            None if hosts.iter().all(Host::is_local) => SslMode::Prefer,
            None => SslMode::VerifyFull,
        };
        if matches!(ssl_mode, SslMode::Disable | SslMode::Prefer) && !hosts.iter().all(Host::is_local) {
            warnings.push(format!("sslmode={} sends rows over the network without protection", ssl_mode.name()));
        }
        let password = password(&mut all, env, &hosts, &user, &database, &mut warnings)?;
        let connect_timeout = match all.take("connect_timeout").as_deref().map(str::parse::<u64>) {
            None | Some(Ok(0)) => Duration::from_secs(15),
            Some(Ok(seconds)) => Duration::from_secs(seconds.clamp(2, 600)),
            Some(Err(_)) => return Err(Error::invalid("connect_timeout must be a number of seconds")),
        };
        let client = (all.take("sslcert"), all.take("sslkey"));
        let ssl_client = match client {
            (Some(cert), Some(key)) => Some((PathBuf::from(cert), PathBuf::from(key))),
            (None, None) => None,
            _ => return Err(Error::invalid("sslcert and sslkey must be given together")),
        };
        let home_root = || home(env).map(|home| home.join(".postgresql/root.crt")).filter(|path| path.is_file());
        let ssl_root_cert = match all.take("sslrootcert") {
            Some(path) if path == "system" => None,
            Some(path) => Some(PathBuf::from(path)),
            None => home_root(),
        };
        let read_write = match all.take("target_session_attrs").as_deref() {
            None | Some("any") => false,
            Some("read-write" | "primary") => true,
            Some(_) => return Err(Error::invalid("target_session_attrs must be any or read-write")),
        };
        let channel_binding = all.take("channel_binding").is_some_and(|binding| binding == "require");
        let options = all.take("options").filter(|options| !options.trim().is_empty());
        Ok(Self {
            hosts,
            user,
            password,
            database,
            options,
            connect_timeout,
            ssl_mode,
            ssl_root_cert,
            ssl_client,
            read_write,
            channel_binding,
            warnings,
        })
    }

    /// What a person should know about this connection string, such as a password on the command line.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The user (role) that logs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How the connection is encrypted and verified.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    /// The same server and login, another database.
    #[must_use]
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        Self { database: database.into(), ..self.clone() }
    }

    /// The environment for child programs of PostgreSQL (`pg_dump`, `psql`): set these after removing [`CHILD_UNSET`]. The
    /// password goes this way and never onto a command line.
    pub fn for_child(&self) -> Vec<(&'static str, OsString)> {
        let list = |each: &dyn Fn(&Host) -> String| self.hosts.iter().map(each).collect::<Vec<_>>().join(",");
        let mut env: Vec<(&'static str, OsString)> = vec![
            ("PGHOST", list(&|host| host.name.clone()).into()),
            ("PGPORT", list(&|host| host.port.to_string()).into()),
            ("PGUSER", self.user.clone().into()),
            ("PGDATABASE", self.database.clone().into()),
            ("PGSSLMODE", self.ssl_mode.name().into()),
            ("PGCONNECT_TIMEOUT", self.connect_timeout.as_secs().to_string().into()),
            ("PGCLIENTENCODING", "UTF8".into()),
        ];
        if self.hosts.iter().any(|host| host.address.is_some()) {
            let address = |host: &Host| host.address.map(|address| address.to_string()).unwrap_or_default();
            env.push(("PGHOSTADDR", list(&address).into()));
        }
        if let Some(password) = &self.password {
            env.push(("PGPASSWORD", password.as_str().into()));
        }
        if let Some(options) = &self.options {
            env.push(("PGOPTIONS", options.into()));
        }
        if self.read_write {
            env.push(("PGTARGETSESSIONATTRS", "read-write".into()));
        }
        if self.channel_binding {
            env.push(("PGCHANNELBINDING", "require".into()));
        }
        if let Some(root) = self.child_root_cert() {
            env.push(("PGSSLROOTCERT", root.into()));
        }
        if let Some((cert, key)) = &self.ssl_client {
            env.push(("PGSSLCERT", cert.into()));
            env.push(("PGSSLKEY", key.into()));
        }
        env
    }

    /// libpq before 16 has no `sslrootcert=system`, so the system's bundle is named where it usually is.
    fn child_root_cert(&self) -> Option<PathBuf> {
        let verified = matches!(self.ssl_mode, SslMode::VerifyCa | SslMode::VerifyFull);
        let bundles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
        let system = || bundles.iter().map(PathBuf::from).find(|path| path.is_file());
        self.ssl_root_cert.clone().or_else(|| verified.then(system).flatten())
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self
            .hosts
            .iter()
            .map(|host| match host.name.contains(':') {
                true => format!("[{}]:{}", host.name, host.port),
                false => format!("{}:{}", host.name, host.port),
            })
            .collect();
        write!(f, "database `{}` on {} as `{}`", self.database, hosts.join(","), self.user)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({self}, sslmode={})", self.ssl_mode.name())
    }
}

fn variable(env: Env<'_>, name: &str) -> Option<String> {
    env(name)?.into_string().ok().filter(|value| !value.is_empty())
}

fn home(env: Env<'_>) -> Option<PathBuf> {
    env("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn service_files(env: Env<'_>) -> Vec<PathBuf> {
    let own = env("PGSERVICEFILE").map(PathBuf::from).or_else(|| home(env).map(|home| home.join(".pg_service.conf")));
    let system = env("PGSYSCONFDIR").map_or_else(|| PathBuf::from("/etc/postgresql-common"), PathBuf::from);
    own.into_iter().chain([system.join("pg_service.conf")]).collect()
}

fn password(
    all: &mut Known,
    env: Env<'_>,
    hosts: &[Host],
    user: &str,
    database: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<Zeroizing<String>>> {
    let named = all.take("passfile").map(PathBuf::from);
    if let Some(password) = all.take("password") {
        return Ok(Some(Zeroizing::new(password)));
    }
    let Some(path) = named.or_else(|| home(env).map(|home| home.join(".pgpass"))) else { return Ok(None) };
    let Some(text) = passfile::read_secret(&path, "password file")? else { return Ok(None) };
    let mut found = hosts.iter().map(|host| {
        let name = if host.name == "/var/run/postgresql" || host.name == "/tmp" { "localhost" } else { &host.name };
        passfile::find(&text, name, host.port, database, user)
            .or_else(|| passfile::find(&text, &host.name, host.port, database, user))
    });
    let password = found.next().flatten();
    if found.any(|other| other != password) {
        warnings.push("the password file has different passwords for the listed hosts: the first is used".to_owned());
    }
    Ok(password)
}
