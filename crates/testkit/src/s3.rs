//! A real S3 server of one's own for each test: SeaweedFS on free ports of this machine, with its data in a temporary
//! folder, gone with the value. It enforces signatures, conditional puts, versioning and Object Lock.
//!
//! A start takes about a second and 300 MB, so a crate needs few tests that have one.

use crate::tools;
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The key id that the server accepts.
pub const ACCESS_KEY_ID: &str = "testkey";
/// The secret to it.
pub const SECRET_ACCESS_KEY: &str = "testsecret123";
/// The bucket that [`Server::start`] makes.
pub const BUCKET: &str = "keepsake";

const START_TIME_MAX: Duration = Duration::from_secs(30);
/// Another process may take a port between our look and the server's start.
const START_ATTEMPTS: u32 = 3;
/// SeaweedFS listens with gRPC this far above each port.
const GRPC_OFFSET: u16 = 10_000;

/// A running server that dies with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts a server with one empty [`BUCKET`].
    ///
    /// # Panics
    /// If the server is not installed or does not start.
    pub fn start() -> Self {
        let program = tools::weed();
        for _ in 1..START_ATTEMPTS {
            if let Some(server) = Self::try_start(&program) {
                return server;
            }
        }
        Self::try_start(&program).expect("SeaweedFS starts")
    }

    /// The service's URL, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A storage URL for [`BUCKET`], or a prefix in it.
    pub fn url(&self, prefix: &str) -> String {
        self.bucket_url(BUCKET, prefix)
    }

    /// A storage URL for another bucket, or a prefix in it.
    pub fn bucket_url(&self, bucket: &str, prefix: &str) -> String {
        format!("s3://{bucket}/{prefix}?endpoint={}", self.endpoint())
    }

    /// The variables that give access, for an environment or a child process.
    pub fn credentials(&self) -> [(&'static str, &'static str); 2] {
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)]
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn create_bucket(&self, name: &str) {
        self.request("PUT", name, &[], "");
    }

    /// Makes a bucket with Object Lock, and so with versioning.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn create_locked_bucket(&self, name: &str) {
        self.request("PUT", name, &["x-amz-bucket-object-lock-enabled: true"], "");
    }

    /// Sends a signed request to `path` (a bucket, an object, with its query) and returns the body of the answer.
    ///
    /// # Panics
    /// If the server refuses or curl is missing.
    pub fn request(&self, method: &str, path: &str, headers: &[&str], body: &str) -> String {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail-with-body", "--max-time", "30", "--request", method])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3", "--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .args(["--user", &format!("{ACCESS_KEY_ID}:{SECRET_ACCESS_KEY}")]);
        for header in headers {
            curl.args(["--header", header]);
        }
        if !body.is_empty() {
            curl.args(["--data-binary", body]);
        }
        let done = curl.arg(format!("{}/{path}", self.endpoint())).output().expect("curl is installed by script/tools");
        let answer = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{method} {path}: {answer} {}", String::from_utf8_lossy(&done.stderr));
        answer
    }

    fn try_start(program: &Path) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ks-s3-").tempdir_in("/tmp").expect("a temporary folder");
        let data = folder.path().join("data");
        fs::create_dir(&data).expect("the data folder can be made");
        let [port, master, volume, filer, admin] = free_ports();
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let mut command = Command::new(program);
        command
            .arg("mini")
            .arg(format!("-dir={}", data.display()))
            .args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-s3.autoCreateBucket=false"])
            .arg(format!("-s3.port={port}"))
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-admin.port={admin}"))
            .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            // Without a key it answers encryption requests with 500; this one protects nothing.
            .env("WEED_S3_SSE_KEK", "11".repeat(32))
            .env("TMPDIR", folder.path())
            .env("GOMEMLIMIT", "256MiB")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            // Not reached by a Ctrl-C that ends the test in its own way.
            .process_group(0);
        let process = command.spawn().expect("SeaweedFS runs");
        let mut server = Self { process, port, _folder: folder };
        server.wait_ready().then(|| {
            server.create_bucket(BUCKET);
            server
        })
    }

    /// Waits until the server refuses an unsigned request, as only a ready one does.
    fn wait_ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < START_TIME_MAX {
            if self.process.try_wait().expect("the server is ours").is_some() {
                return false;
            }
            if status(self.port) == Some(403) {
                return true;
            }
            thread::sleep(Duration::from_millis(30));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _may_be_gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The status of an unsigned `GET /`.
fn status(port: u16) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).ok()?;
    String::from_utf8_lossy(&start).split(' ').nth(1)?.parse().ok()
}

/// Five ports that nobody listens on, nor on their gRPC twins. All are held until all are found, so that they differ.
fn free_ports() -> [u16; 5] {
    let mut held = Vec::new();
    std::array::from_fn(|_| {
        loop {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("this machine has free ports");
            let port = listener.local_addr().expect("a bound port").port();
            let twin = port.checked_add(GRPC_OFFSET).map(|twin| TcpListener::bind((Ipv4Addr::LOCALHOST, twin)));
            held.push(listener);
            if let Some(Ok(twin)) = twin {
                held.push(twin);
                return port;
            }
        }
    })
}
