//! Which of libpq's connection parameters are understood, and which are of no consequence.

use super::{Error, Result, parse::Parameters};
use std::collections::BTreeMap;

/// Parameters that may be inherited from libpq's variables.
pub(super) const FROM_ENVIRONMENT: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("dbname", "PGDATABASE"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("channel_binding", "PGCHANNELBINDING"),
];

/// Parameters of libpq that are of no consequence here.
const IGNORED: &[&str] = &[
    "application_name",
    "fallback_application_name",
    "client_encoding",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "sslcompression",
    "sslsni",
    "gssencmode",
    "krbsrvname",
    "gsslib",
    "pgbouncer",
    "connection_limit",
    "pool_timeout",
    "schema",
    "ssl_min_protocol_version",
];

/// Whether a parameter is of no consequence here.
pub(super) fn is_ignored(key: &str) -> bool {
    IGNORED.contains(&key)
}

/// Parameters by name, each known to be one of libpq's.
pub(super) struct Known(BTreeMap<String, String>);

impl Known {
    /// The parameters as written; the last of two wins.
    pub(super) fn new(given: Parameters) -> Result<Self> {
        let mut known = Self(BTreeMap::new());
        for (key, value) in given {
            if known.check(&key)? {
                known.0.insert(key, value);
            }
        }
        Ok(known)
    }

    fn check(&self, key: &str) -> Result<bool> {
        if key == "service" || FROM_ENVIRONMENT.iter().any(|(known, _)| *known == key) {
            return Ok(true);
        }
        if IGNORED.contains(&key) {
            return Ok(false);
        }
        let shown: String = key.chars().filter(|char| char.is_ascii_alphanumeric() || *char == '_').take(40).collect();
        Err(Error::invalid(format!("the parameter `{shown}` is not known")))
    }

    /// Adds parameters that were not given.
    pub(super) fn add_missing(&mut self, more: Parameters) -> Result<()> {
        // A host that was written down must not be joined with an address that was not.
        let host_given = self.0.contains_key("host") || self.0.contains_key("hostaddr");
        for (key, value) in more {
            let of_host = key == "host" || key == "hostaddr";
            if self.check(&key)? && !self.0.contains_key(&key) && !(of_host && host_given) {
                self.0.insert(key, value);
            }
        }
        Ok(())
    }

    /// Takes a parameter that is not empty.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.0.remove(key).filter(|value| !value.is_empty())
    }
}
