//! A real mail server of one's own for each test: aiosmtpd on a free port of this machine, with one file for each mail in a temporary
//! folder, gone with the value.

use crate::tools;
use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const START_TIME_MAX: Duration = Duration::from_secs(30);
/// Another process may take the port between our look and the server's start.
const START_ATTEMPTS: u32 = 3;

/// A running server that dies with this value.
#[derive(Debug)]
pub struct Server {
    process: Child,
    port: u16,
    mails: PathBuf,
    _folder: TempDir,
}

impl Server {
    /// Starts a server that takes every mail.
    ///
    /// # Panics
    /// If it is not installed or does not start.
    pub fn start() -> Self {
        (0..START_ATTEMPTS).find_map(|_| Self::try_start()).expect("aiosmtpd starts")
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The mails that came, as they were sent, in the order of their arrival.
    ///
    /// # Panics
    /// If they cannot be read.
    pub fn mails(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = match fs::read_dir(self.mails.join("new")) {
            Ok(entries) => entries.map(|entry| entry.expect("the folder can be listed").path()).collect(),
            // Before the first mail.
            Err(_) => return Vec::new(),
        };
        // A name begins with the time, and within a second has a count.
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).expect("a mail is text")).collect()
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ks-smtp-").tempdir_in("/tmp").expect("a temporary folder");
        let mails = folder.path().join("mails");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("this machine has free ports");
        let port = listener.local_addr().expect("a bound port").port();
        drop(listener);
        let log = fs::File::create(folder.path().join("log")).expect("the log can be made");
        let mut command = Command::new("python3");
        command
            .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Mailbox"])
            .arg(&mails)
            .env("PYTHONPATH", tools::aiosmtpd())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log can be shared"))
            .stderr(log)
            // Not reached by a Ctrl-C that ends the test in its own way.
            .process_group(0);
        let process = command.spawn().expect("python3 is installed by script/tools");
        let mut server = Self { process, port, mails, _folder: folder };
        server.wait_ready().then_some(server)
    }

    fn wait_ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < START_TIME_MAX {
            if self.process.try_wait().expect("the server is ours").is_some() {
                return false;
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
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
