//! Encryption against a server with certificates of its own.

use keepsake_postgres::connect::{Dsn, Error, Purpose, Session, connect};
use keepsake_testkit::postgres::Server;
use std::{net::TcpListener, path::Path, process::Command};

/// An authority and a certificate for `name`, signed by it, in the folder: `ca.pem`, `<name>.pem`, `<name>.key`.
fn certify(folder: &Path, authority: &str, name: &str) {
    let script = format!(
        "set -e
         [ -f {authority}.key ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
           -keyout {authority}.key -out {authority}.pem -subj '/CN={authority}'
         openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr -subj '/CN={name}'
         printf 'subjectAltName=DNS:{name}' > ext
         openssl x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 30 -extfile ext -out {name}.pem
         chmod 600 {name}.key"
    );
    let done = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

async fn open(spec: String) -> Result<Session, Error> {
    connect(&Dsn::resolve(&spec, &|_| None)?, Purpose::Inspect).await
}

async fn encrypted(session: &Session) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    session.client.query_one(sql, &[]).await.expect("a row").get(0)
}

#[tokio::test]
async fn certificates_are_verified_as_sslmode_says() {
    let mut server = Server::start();
    let folder = tempfile::Builder::new().prefix("ks-tls-").tempdir_in("/tmp").unwrap();
    certify(folder.path(), "ca", "localhost");
    certify(folder.path(), "other", "elsewhere");
    let port = free_port();
    let data = server.cluster().data().to_owned();
    for file in ["localhost.key", "localhost.pem"] {
        std::fs::copy(folder.path().join(file), data.join(file)).unwrap();
        server.cluster().programs().clone().give(&data.join(file)).unwrap();
    }
    server.cluster().stop().unwrap();
    let text = port.to_string();
    let settings = [
        ("listen_addresses", "127.0.0.1"),
        ("port", text.as_str()),
        ("ssl", "on"),
        ("ssl_cert_file", "localhost.pem"),
        ("ssl_key_file", "localhost.key"),
        ("fsync", "off"),
    ];
    server.cluster().start(&settings).unwrap();
    let (ca, other) = (folder.path().join("ca.pem"), folder.path().join("other.pem"));
    let spec = |host: &str, mode: &str, root: Option<&Path>| {
        let root = root.map(|root| format!("sslrootcert={}", root.display())).unwrap_or_default();
        format!("host={host} hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres sslmode={mode} {root}")
    };
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let session =
            open(spec("localhost", mode, Some(&ca))).await.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        assert!(encrypted(&session).await, "{mode}");
        session.canceller().cancel().await.unwrap();
    }
    assert!(!encrypted(&open(spec("localhost", "disable", None)).await.unwrap()).await);
    assert!(encrypted(&open(spec("localhost", "require", None)).await.unwrap()).await, "unverified, as libpq has it");
    assert!(open(spec("impostor", "verify-ca", Some(&ca))).await.is_ok(), "the name does not count");
    for (host, mode, root) in [
        ("impostor", "verify-full", Some(ca.as_path())),
        ("localhost", "verify-ca", Some(other.as_path())),
        ("localhost", "verify-full", Some(other.as_path())),
        ("localhost", "require", Some(other.as_path())),
        ("localhost", "verify-full", None),
    ] {
        let error = open(spec(host, mode, root)).await.unwrap_err();
        assert!(error.to_string().contains("sslrootcert"), "{host} {mode}: {error:?}");
    }
}

#[tokio::test]
async fn a_client_certificate_logs_in_and_old_tls_is_verified_as_well() {
    let mut server = Server::start();
    let folder = tempfile::Builder::new().prefix("ks-tls-").tempdir_in("/tmp").unwrap();
    certify(folder.path(), "ca", "localhost");
    certify(folder.path(), "ca", "postgres");
    certify(folder.path(), "other", "elsewhere");
    let port = free_port().to_string();
    let data = server.cluster().data().to_owned();
    for file in ["localhost.key", "localhost.pem", "ca.pem"] {
        std::fs::copy(folder.path().join(file), data.join(file)).unwrap();
        server.cluster().programs().clone().give(&data.join(file)).unwrap();
    }
    std::fs::write(data.join("pg_hba.conf"), "local all all trust\nhostssl all all 127.0.0.1/32 cert\n").unwrap();
    server.cluster().stop().unwrap();
    let settings = [
        ("listen_addresses", "127.0.0.1"),
        ("port", port.as_str()),
        ("ssl", "on"),
        ("ssl_cert_file", "localhost.pem"),
        ("ssl_key_file", "localhost.key"),
        ("ssl_ca_file", "ca.pem"),
        ("ssl_max_protocol_version", "TLSv1.2"),
        ("fsync", "off"),
    ];
    server.cluster().start(&settings).unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let spec = |mode: &str, client: &str| {
        let root = file("ca.pem");
        format!(
            "host=localhost hostaddr=127.0.0.1 port={port} user=postgres dbname=postgres sslmode={mode} sslrootcert={root} {client}"
        )
    };
    let own = format!("sslcert={} sslkey={}", file("postgres.pem"), file("postgres.key"));
    for mode in ["verify-full", "verify-ca"] {
        let session = open(spec(mode, &own)).await.unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        assert!(encrypted(&session).await, "{mode}");
    }
    let stranger = format!("sslcert={} sslkey={}", file("elsewhere.pem"), file("elsewhere.key"));
    for client in ["", stranger.as_str()] {
        assert!(matches!(open(spec("verify-full", client)).await, Err(Error::Connect { .. })), "{client}");
    }
    // A key that belongs to another certificate, and files that hold none, are named.
    let mixed = format!("sslcert={} sslkey={}", file("postgres.pem"), file("elsewhere.key"));
    let swapped = format!("sslcert={} sslkey={}", file("postgres.key"), file("postgres.key"));
    for (client, named) in [(&mixed, "postgres.pem"), (&swapped, "postgres.key")] {
        let error = open(spec("verify-full", client)).await.unwrap_err();
        assert!(matches!(error, Error::Tls { .. }) && error.to_string().contains(named), "{error:?}");
    }
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_where_it_is_required() {
    let mut server = Server::start();
    server.cluster().stop().unwrap();
    let port = free_port();
    let text = port.to_string();
    server.cluster().start(&[("listen_addresses", "127.0.0.1"), ("port", &text), ("fsync", "off")]).unwrap();
    let spec = |mode: &str| format!("host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode={mode}");
    let error = open(spec("require")).await.unwrap_err();
    assert!(matches!(error, Error::Connect { .. }) && !error.retryable(), "{error:?}");
    assert!(!encrypted(&open(spec("prefer")).await.unwrap()).await);
}
