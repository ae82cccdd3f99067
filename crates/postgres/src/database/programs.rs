//! PostgreSQL's client programs (`pg_dump`, `pg_dumpall`, `pg_restore`): found, matched to the server's version, run with
//! the login in their environment, stopped when the run is.
//!
//! Debian's wrappers in /usr/bin choose a version by themselves, so the versions' own folders come first.

use super::{Error, Result};
use crate::connect::{CHILD_UNSET, Dsn};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    runtime::Handle,
};

/// Most that is kept of what a program complains.
const STDERR_LIMIT_BYTES: usize = 64 * 1024;
/// How long a program that was asked to stop may take.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// A folder with the programs of one version.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    folder: PathBuf,
    /// Their major version.
    pub(super) major: u32,
}

impl Programs {
    /// The programs that serve best: of version `wanted` if they are at least `least`, else the oldest that are.
    ///
    /// Newer programs write statements that older servers refuse, so the newest are not simply taken.
    pub(super) async fn find(folder: Option<&Path>, program: &str, wanted: u32, least: u32) -> Result<Self> {
        let mut found = Vec::new();
        for folder in folders(folder) {
            if let Some(major) = version(&folder.join(program)).await {
                found.push(Self { folder, major });
            }
        }
        let rank = |programs: &Self| (programs.major < least, programs.major < wanted, programs.major.abs_diff(wanted));
        let best =
            found.into_iter().min_by_key(rank).ok_or_else(|| Error::NoProgram { program: program.to_owned() })?;
        if best.major < least {
            return Err(Error::OldProgram { program: program.to_owned(), found: best.major, needed: least });
        }
        Ok(best)
    }

    /// A command for one of the programs, logged in by its environment alone.
    pub(super) fn command(&self, program: &str, login: &Login<'_>) -> Command {
        let mut command = Command::new(self.folder.join(program));
        for name in CHILD_UNSET {
            command.env_remove(name);
        }
        for (name, value) in login.environment() {
            command.env(name, value);
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true).current_dir("/");
        command
    }
}

/// How a program logs in.
#[derive(Debug)]
pub(super) struct Login<'a> {
    /// Where; nothing for work on files alone.
    pub(super) dsn: Option<&'a Dsn>,
    /// Shown as `application_name`, by which the watch finds the program's session.
    pub(super) application: &'a str,
    /// Further settings, as `-c name=value`.
    pub(super) settings: &'a str,
}

impl Login<'_> {
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let Some(dsn) = self.dsn else { return Vec::new() };
        let mut all = dsn.for_child();
        let options = all.iter().position(|(name, _)| *name == "PGOPTIONS").map(|at| all.swap_remove(at).1);
        let mut options = options.unwrap_or_default();
        if !self.settings.is_empty() {
            options.push(" ");
            options.push(self.settings);
        }
        if !options.is_empty() {
            all.push(("PGOPTIONS", options));
        }
        all.push(("PGAPPNAME", self.application.into()));
        all
    }
}

/// A connection string that names only a database, whatever characters the name has: the rest comes from the environment.
pub(super) fn database_argument(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Folders to look into, in no order of preference.
fn folders(given: Option<&Path>) -> Vec<PathBuf> {
    if let Some(folder) = given {
        return vec![folder.to_owned()];
    }
    if let Some(folder) = std::env::var_os("KEEPSAKE_POSTGRES_BIN") {
        return vec![folder.into()];
    }
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    all.extend(std::env::split_paths(&path).filter(|folder| folder.is_absolute()));
    all
}

/// The major version that a program tells, if it is there and answers.
async fn version(program: &Path) -> Option<u32> {
    if !program.is_file() {
        return None;
    }
    let output = Command::new(program).arg("--version").env("LC_ALL", "C").stdin(Stdio::null()).output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `pg_dump (PostgreSQL) 15.18 (Debian ...)` -> 15.
fn parse_version(text: &str) -> Option<u32> {
    let number = text.split(") ").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?;
    number.parse().ok()
}

/// A running program. Dropped before its end, it is asked to stop, which also cancels its statements at the server.
#[derive(Debug)]
pub(super) struct Running {
    name: String,
    child: Option<Child>,
    stderr: tokio::task::JoinHandle<String>,
}

impl Running {
    /// Starts it.
    pub(super) fn start(name: &str, mut command: Command, stdout: Stdio) -> Result<Self> {
        let mut child =
            command.stdout(stdout).stderr(Stdio::piped()).spawn().map_err(Error::io(format!("run {name}")))?;
        let stderr = tokio::spawn(keep_start(child.stderr.take()));
        Ok(Self { name: name.to_owned(), child: Some(child), stderr })
    }

    /// Waits for it to end well; returns its warnings.
    pub(super) async fn finish(mut self) -> Result<Vec<String>> {
        let child = self.child.as_mut().ok_or_else(|| Error::Cancelled)?;
        let status = child.wait().await.map_err(Error::io(format!("wait for {}", self.name)))?;
        self.child = None;
        let complaints = (&mut self.stderr).await.unwrap_or_default();
        if status.success() {
            return Ok(warnings(&complaints));
        }
        Err(failure(&self.name, first_complaint(&complaints, status.code())))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let (Some(mut child), Ok(runtime)) = (self.child.take(), Handle::try_current()) else { return };
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(pid) = pid else { return };
        let _gone_already = kill_process(pid, Signal::TERM);
        runtime.spawn(async move {
            // One that does not listen is killed by the drop of `child`.
            let _ended_or_not = tokio::time::timeout(STOP_GRACE, child.wait()).await;
        });
    }
}

async fn keep_start(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut kept, mut piece) = (Vec::new(), vec![0; 8192]);
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        let room = STDERR_LIMIT_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(piece.get(..read.min(room)).unwrap_or_default());
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// Runs a program to its end and returns its output as text, at most `limit_bytes` of it.
pub(super) async fn output(name: &str, command: Command, limit_bytes: usize) -> Result<(String, Vec<String>)> {
    let mut running = Running::start(name, command, Stdio::piped())?;
    let mut text = Vec::new();
    if let Some(stdout) = running.child.as_mut().and_then(|child| child.stdout.take()) {
        let limit = u64::try_from(limit_bytes).unwrap_or(u64::MAX).saturating_add(1);
        stdout.take(limit).read_to_end(&mut text).await.map_err(Error::io(format!("read from {name}")))?;
    }
    if text.len() > limit_bytes {
        let message = format!("more than {} MiB of output", limit_bytes >> 20);
        return Err(Error::Program { program: name.to_owned(), message });
    }
    let warnings = running.finish().await?;
    Ok((String::from_utf8_lossy(&text).into_owned(), warnings))
}

/// What a complaint means: the server is gone, a table is locked, or anything else.
fn failure(program: &str, message: String) -> Error {
    let gone =
        ["server closed the connection", "connection to server", "terminating connection", "could not receive data"];
    if gone.iter().any(|words| message.contains(words)) {
        return Error::ConnectionLost { what: format!("serve {program}"), source: message.into() };
    }
    if message.contains("lock timeout") {
        return Error::Locked { source: message.into() };
    }
    Error::Program { program: program.to_owned(), message }
}

/// The first error line. DETAIL and CONTEXT lines may quote rows and are never shown.
fn first_complaint(text: &str, code: Option<i32>) -> String {
    const LONGEST: usize = 500;
    let line = text.lines().find(|line| line.contains("error:") || line.contains("ERROR:"));
    let line = line.or_else(|| text.lines().find(|line| !line.trim().is_empty()));
    match line {
        Some(line) => line.chars().take(LONGEST).collect(),
        None => format!("exit status {}", code.map_or("unknown".to_owned(), |code| code.to_string())),
    }
}

fn warnings(text: &str) -> Vec<String> {
    const MOST: usize = 100;
    let line = |line: &str| line.split_once("warning: ").map(|(_, warning)| warning.chars().take(500).collect());
    text.lines().filter_map(line).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_programs_say() {
        assert_eq!(parse_version("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_version("pg_restore (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("nonsense"), None);
    }

    #[test]
    fn complaints_leave_rows_out() {
        let text = "pg_restore: while PROCESSING TOC:\npg_restore: error: could not execute query: ERROR:  could not create \
                    unique index \"u\"\nDETAIL:  Key (email)=(a@b) is duplicated.\n";
        let line = first_complaint(text, Some(1));
        assert!(line.contains("unique index") && !line.contains("a@b"), "{line}");
        assert_eq!(first_complaint("", Some(3)), "exit status 3");
    }

    #[test]
    fn odd_database_names_survive_as_arguments() {
        assert_eq!(database_argument(r"a'b\c=d"), r"dbname='a\'b\\c=d'");
    }
}
