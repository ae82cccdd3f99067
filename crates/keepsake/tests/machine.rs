//! A machine's web identity, through the program: it is shown to an encrypted service only, so one is made here, with a
//! certificate that the program is told to trust.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod world;

use rustls::{
    ServerConfig, ServerConnection, Stream,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread,
};
use world::{Run, World};

type Asked = Arc<Mutex<Vec<String>>>;

/// Reads the head of a request, which is all that these have.
fn head(stream: &mut impl Read) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|part| part == b"\r\n\r\n") {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => request.extend_from_slice(part.get(..read).unwrap()),
            _ => break,
        }
    }
    String::from_utf8_lossy(&request).into_owned()
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} told so\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// A bucket without any object.
fn bucket() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("s3://weddings?endpoint=http://{}&region=eu-1", listener.local_addr().unwrap());
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            log.lock().unwrap().push(head(&mut stream));
            stream.write_all(&answer(200, "<ListBucketResult><Name>weddings</Name></ListBucketResult>")).unwrap();
        }
    });
    (url, asked)
}

/// A key and a certificate for 127.0.0.1, which is its own authority.
fn certificate(folder: &Path) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -keyout ca.key -out ca.pem \
                  -subj /CN=authority && \
                  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out csr.pem -subj /CN=sts && \
                  echo subjectAltName=IP:127.0.0.1 > extensions && \
                  openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out cert.pem";
    let done = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A token service that gives one answer, encrypted.
fn sts(folder: &Path, status: u16, body: &'static str) -> (String, Asked) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut socket);
            log.lock().unwrap().push(head(&mut stream));
            // A client that does not trust us hangs up.
            let _refused = stream.write_all(&answer(status, body)).and_then(|()| stream.flush());
            stream.conn.send_close_notify();
            let _gone = stream.flush();
        }
    });
    (endpoint, asked)
}

const GRANTED: &str = "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
    <AccessKeyId>ASIAWEB</AccessKeyId><SecretAccessKey>web-secret</SecretAccessKey><SessionToken>web-session</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";

fn vaults(world: &World, url: &str, sts: &str, authority: &str) -> Run {
    fs::write(world.path("token"), "identity-token").unwrap();
    let mut command = world.command(["vaults", "--json", "--storage", url]);
    command.env("AWS_WEB_IDENTITY_TOKEN_FILE", world.path("token")).env("AWS_ROLE_ARN", "arn:aws:iam::1:role/backup");
    command.env("AWS_ROLE_SESSION_NAME", "nightly").env("AWS_ENDPOINT_URL_STS", sts);
    command.env("SSL_CERT_FILE", world.path(authority));
    command.output().unwrap().into()
}

#[test]
fn a_web_identity_is_exchanged_for_credentials() {
    let world = World::new();
    certificate(world.folder.path());
    let (url, bucket) = bucket();
    let (endpoint, sts) = sts(world.folder.path(), 200, GRANTED);
    let run = vaults(&world, &url, &endpoint, "ca.pem").expect(0);
    let request = sts.lock().unwrap().first().unwrap().clone();
    for part in [
        "Action=AssumeRoleWithWebIdentity",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fbackup",
        "RoleSessionName=nightly",
        "WebIdentityToken=identity-token",
    ] {
        assert!(request.contains(part), "{part}: {request}");
    }
    let request = bucket.lock().unwrap().first().unwrap().clone();
    assert!(
        request.contains("Credential=ASIAWEB/") && request.contains("x-amz-security-token: web-session"),
        "{request}"
    );
    let printed = format!("{run:?}");
    assert!(!printed.contains("web-") && !printed.contains("identity-token"), "{printed}");
}

#[test]
fn an_identity_that_is_refused_is_an_error_without_it() {
    let world = World::new();
    certificate(world.folder.path());
    let (url, bucket) = bucket();
    let refused =
        "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>not for us</Message></Error></ErrorResponse>";
    let (endpoint, asked) = sts(world.folder.path(), 400, refused);
    let run = vaults(&world, &url, &endpoint, "ca.pem").expect(1);
    assert!(run.stderr.contains("InvalidIdentityToken") && run.stderr.contains("web identity"), "{run:?}");
    assert!(!format!("{run:?}").contains("identity-token"), "{run:?}");
    assert!(!asked.lock().unwrap().is_empty());

    // Somebody else in the service's place learns nothing.
    let (endpoint, asked) = sts(world.folder.path(), 200, GRANTED);
    fs::create_dir(world.path("other")).unwrap();
    certificate(&world.path("other"));
    let run = vaults(&world, &url, &endpoint, "other/ca.pem").expect(1);
    assert!(!format!("{run:?}").contains("identity-token"), "{run:?}");
    assert!(asked.lock().unwrap().iter().all(String::is_empty), "the token went to a stranger");
    assert!(bucket.lock().unwrap().is_empty());
}
