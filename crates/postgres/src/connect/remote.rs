//! Connection strings that somebody far away wrote, through an API (safety rule S29): they name a server on the network and a
//! login, and nothing of the machine that connects.

use super::{
    Dsn, Error, Result,
    host::Host,
    known::{self, Known},
    parse,
};
use keepsake_domain::egress;
use std::net::IpAddr;

/// The parameters that may be given. Those that name files, services or sockets of this machine are not among them.
const ALLOWED: &[&str] = &[
    "host",
    "hostaddr",
    "port",
    "user",
    "password",
    "dbname",
    "sslmode",
    "options",
    "connect_timeout",
    "target_session_attrs",
    "channel_binding",
];

/// More servers than this in one string are not looked up.
const MOST_HOSTS: usize = 8;

impl Dsn {
    /// Reads a connection string as it is: nothing of this process's environment is added, and no password file is looked at.
    /// It may name sockets and files.
    ///
    /// # Errors
    /// As [`Dsn::resolve`].
    pub fn written(text: &str) -> Result<Self> {
        Self::complete(parse::parameters(text)?, &|_| None, Vec::new())
    }

    /// Reads a connection string of somebody who must not reach this machine: a URL or `key=value` pairs that name a server on
    /// the network. Use it through [`Dsn::pinned`].
    ///
    /// # Errors
    /// [`Error::NotRemote`] for what is not allowed, [`Error::Invalid`]; neither repeats the string, and no file is read to tell.
    pub fn remote(text: &str) -> Result<Self> {
        let given = parse::parameters(text)?;
        for (key, value) in &given {
            let system_roots = key == "sslrootcert" && value == "system";
            if !ALLOWED.contains(&key.as_str()) && !known::is_ignored(key) && !system_roots {
                // Names that libpq does not know are refused in the usual words.
                Known::new(vec![(key.clone(), String::new())])?;
                let what = format!("something of the machine that connects by the parameter `{key}`");
                return Err(Error::NotRemote { what });
            }
        }
        if !given.iter().any(|(key, value)| (key == "host" || key == "hostaddr") && !value.is_empty()) {
            let what = "no host, and so the machine that connects".to_owned();
            return Err(Error::NotRemote { what });
        }
        let dsn = Self::complete(given, &|_| None, Vec::new())?;
        if dsn.hosts.iter().any(|host| host.name.is_empty() || host.name.starts_with(['/', '@'])) {
            return Err(Error::NotRemote { what: "a socket of the machine that connects".to_owned() });
        }
        if dsn.hosts.len() > MOST_HOSTS {
            return Err(Error::invalid(format!("it names more than {MOST_HOSTS} hosts")));
        }
        Ok(dsn)
    }

    /// The same database by the addresses that its hosts have now, all of them public. Sessions and child programs connect to
    /// these addresses and look nothing up again; certificates are still checked by name.
    ///
    /// # Errors
    /// [`Error::NotPublic`] if one address is not; [`Error::Unresolved`].
    pub async fn pinned(&self) -> Result<Self> {
        let mut hosts = Vec::new();
        for host in &self.hosts {
            let addresses = addresses(host, self.connect_timeout).await?;
            if !addresses.iter().all(|address| egress::is_public(*address)) {
                return Err(Error::NotPublic { host: host.name.clone() });
            }
            hosts.extend(addresses.into_iter().map(|address| Host { address: Some(address), ..host.clone() }));
        }
        Ok(Self { hosts, ..self.clone() })
    }

    /// Where it is, as people may see it: hosts and database, no login. A socket's folder is not shown.
    pub fn location(&self) -> String {
        let shown = |host: &Host| match (host.is_socket(), host.port) {
            (true, _) => "localhost".to_owned(),
            (false, 5432) => host.name.clone(),
            (false, port) if host.name.contains(':') => format!("[{}]:{port}", host.name),
            (false, port) => format!("{}:{port}", host.name),
        };
        let hosts: Vec<String> = self.hosts.iter().map(shown).collect();
        format!("{}/{}", hosts.join(","), self.database)
    }
}

async fn addresses(host: &Host, patience: std::time::Duration) -> Result<Vec<IpAddr>> {
    if let Some(address) = host.address.or_else(|| host.name.parse().ok()) {
        return Ok(vec![address]);
    }
    let unresolved = |source| Error::Unresolved { host: host.name.clone(), source };
    let looking = tokio::net::lookup_host((host.name.as_str(), host.port));
    let found =
        tokio::time::timeout(patience, looking).await.map_err(|_| unresolved(std::io::ErrorKind::TimedOut.into()))?;
    let found: Vec<IpAddr> = found.map_err(unresolved)?.map(|address| address.ip()).collect();
    if found.is_empty() { Err(unresolved(std::io::ErrorKind::NotFound.into())) } else { Ok(found) }
}
