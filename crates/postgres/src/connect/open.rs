//! Opening a session.

use super::{
    Canceller, Dsn, Error, Result, ServerError, Session, SslMode,
    host::Host,
    pooler::{self, Marker},
    tls,
};
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, config, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What a session is for; shows in `application_name` as `keepsake-<purpose>` and decides its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Reading the catalog and small samples: read only, statements end after 60 s, waits for locks after 5 s.
    Inspect,
    /// Reading rows: read only, no limits of the session's own (a watchdog ends what holds up others).
    Capture,
    /// Writing rows: limits are set by the restore.
    Restore,
}

impl Purpose {
    /// The word in `application_name`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Capture => "capture",
            Self::Restore => "restore",
        }
    }
}

const OLDEST: i32 = 130_000;

/// Opens a session with the preamble of safety rule S10: values read and written as text mean the same on every server,
/// names are looked up nowhere but where they say, and rows hidden by a policy are an error instead of absent.
///
/// A pooler in between is recognised before anything is set, since in transaction mode a setting would stick to a
/// backend that the application uses next.
///
/// # Errors
/// [`Error::Connect`], [`Error::Timeout`], [`Error::Tls`], [`Error::OldServer`], [`Error::Pooler`] or [`Error::Statement`].
pub async fn connect(dsn: &Dsn, purpose: Purpose) -> Result<Session> {
    let tls = tls::connector(dsn)?;
    let marker = Marker::random();
    let (client, suspected) = match open(dsn, purpose, &tls, Some(&marker)).await {
        Err(Error::Connect { source, .. }) if pooler::refuses_options(&source) => {
            (open(dsn, purpose, &tls, None).await?, true)
        }
        opened => (opened?, false),
    };
    let first = if suspected { None } else { prepare(&client, purpose, Some(&marker)).await? };
    let row = match first {
        Some(row) => row,
        None => {
            let other = open(dsn, purpose, &tls, None).await?;
            pooler::refuse_transaction_mode(dsn, &client, &other).await?;
            let row = prepare(&client, purpose, None).await?;
            row.ok_or_else(|| Error::invalid("the server did not answer as PostgreSQL does"))?
        }
    };
    let number = |index: usize| row.get(index).and_then(|text| text.parse::<i32>().ok()).unwrap_or(0);
    let server_version = number(1);
    if server_version < OLDEST {
        let version = row.get(4).unwrap_or("an unknown version").to_owned();
        return Err(Error::OldServer { to: dsn.to_string(), version });
    }
    Ok(Session {
        canceller: Canceller { token: client.cancel_token(), tls },
        client,
        backend_pid: number(0),
        server_version,
        superuser: row.get(2) == Some("on"),
        standby: row.get(3) == Some("t"),
        dsn: dsn.clone(),
        broken: Arc::new(AtomicBool::new(false)),
    })
}

async fn open(dsn: &Dsn, purpose: Purpose, tls: &MakeRustlsConnect, marker: Option<&Marker>) -> Result<Client> {
    let config = configure(dsn, purpose, marker);
    let connecting = tokio::time::timeout(dsn.connect_timeout, config.connect(tls.clone()));
    let (client, connection) = match connecting.await {
        Ok(connected) => connected.map_err(|error| refused(dsn, &error))?,
        Err(_) => return Err(Error::Timeout { to: dsn.to_string(), seconds: dsn.connect_timeout.as_secs() }),
    };
    if connection.parameter("server_version").is_some_and(|version| version.contains("bouncer")) {
        let evidence = "it is PgBouncer's own console".to_owned();
        return Err(Error::Pooler { to: dsn.to_string(), evidence });
    }
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %ServerError::from(error), "a database connection ended");
        }
    });
    Ok(client)
}

fn configure(dsn: &Dsn, purpose: Purpose, marker: Option<&Marker>) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    for host in &dsn.hosts {
        config.host(&host.name).port(host.port);
    }
    // tokio-postgres wants an address for each host or for none.
    let addresses: Vec<_> = dsn.hosts.iter().filter_map(|host| host.address).collect();
    if addresses.len() == dsn.hosts.len() {
        for address in addresses {
            config.hostaddr(address);
        }
    }
    config.user(&dsn.user).dbname(&dsn.database).application_name(format!("keepsake-{}", purpose.name()));
    if let Some(password) = &dsn.password {
        config.password(password.as_str());
    }
    config.ssl_mode(match dsn.ssl_mode {
        // Sockets are never encrypted, and no name could be verified.
        _ if dsn.hosts.iter().all(Host::is_socket) => config::SslMode::Disable,
        SslMode::Disable => config::SslMode::Disable,
        SslMode::Prefer => config::SslMode::Prefer,
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
    });
    if dsn.read_write {
        config.target_session_attrs(config::TargetSessionAttrs::ReadWrite);
    }
    if dsn.channel_binding {
        config.channel_binding(config::ChannelBinding::Require);
    }
    let marked = marker.map(Marker::option);
    let options: Vec<&str> = dsn.options.as_deref().into_iter().chain(marked.as_deref()).collect();
    if !options.is_empty() {
        config.options(options.join(" "));
    }
    // A server that vanishes without a word is noticed within a minute and a half.
    config.connect_timeout(dsn.connect_timeout).keepalives_idle(Duration::from_secs(30));
    config.keepalives_interval(Duration::from_secs(15)).keepalives_retries(4);
    config.tcp_user_timeout(Duration::from_secs(90));
    config
}

fn refused(dsn: &Dsn, error: &tokio_postgres::Error) -> Error {
    let source = ServerError::from(error);
    let advice = match source.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => "the password is wrong or missing (PGPASSWORD, ~/.pgpass)",
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "the server does not let this role in from here: check the role's name and pg_hba.conf"
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "there is no database of that name",
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => "the server has no connection left: try again later",
        Some(code) if *code == SqlState::CANNOT_CONNECT_NOW => "the server is starting or stopping: try again shortly",
        Some(_) => "the server refused the session",
        None if source.message().contains("TLS") || source.message().contains("certificate") => {
            "no verified encrypted connection could be made: set sslrootcert to the file of the authority that signed the \
             server's certificate, or choose another sslmode"
        }
        None if source.message().contains("password") => "the server wants a password: set PGPASSWORD or ~/.pgpass",
        None => "check the address, the port, and that the server runs",
    };
    Error::Connect { to: dsn.to_string(), advice: advice.to_owned(), source }
}

/// Sets the session up and reads who it is. With a marker, nothing is done and nothing returned unless the marker arrived,
/// that is, unless this session and its backend belong together.
async fn prepare(client: &Client, purpose: Purpose, marker: Option<&Marker>) -> Result<Option<SimpleQueryRow>> {
    let (read_only, statement_ms, lock_ms) = match purpose {
        Purpose::Inspect => ("on", "60000", "5000"),
        Purpose::Capture => ("on", "0", "0"),
        Purpose::Restore => ("off", "0", "0"),
    };
    let settings = [
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "postgres"),
        ("extra_float_digits", "3"),
        ("TimeZone", "UTC"),
        ("bytea_output", "hex"),
        ("lc_monetary", "C"),
        ("xmloption", "content"),
        ("search_path", ""),
        ("standard_conforming_strings", "on"),
        ("synchronize_seqscans", "off"),
        ("row_security", "off"),
        ("statement_timeout", statement_ms),
        ("lock_timeout", lock_ms),
        ("idle_in_transaction_session_timeout", "0"),
        ("default_transaction_read_only", read_only),
        ("client_min_messages", "warning"),
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
    ];
    let set: Vec<String> =
        settings.iter().map(|(name, value)| format!("pg_catalog.set_config('{name}', '{value}', false)")).collect();
    let condition = marker.map(|marker| format!(" WHERE {}", marker.condition())).unwrap_or_default();
    // One statement, so that one round trip does.
    let sql = format!(
        "SELECT pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num'), \
         pg_catalog.current_setting('is_superuser'), pg_catalog.pg_is_in_recovery(), \
         pg_catalog.current_setting('server_version'), {}, \
         CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 170000 \
         THEN pg_catalog.set_config('transaction_timeout', '0', false) END{condition}",
        set.join(", ")
    );
    let answer = client.simple_query(&sql).await.map_err(Error::statement("prepare the session"))?;
    Ok(answer.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    }))
}
