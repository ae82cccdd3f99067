//! Definitions, as `pg_dump` writes them from the capture's snapshot, and the roles of the cluster.
//!
//! They are kept twice: as an archive, from which `pg_restore` builds indexes and constraints in parallel, and as the SQL
//! made from that very archive, which a person with `psql` can read and run in twenty years.

use super::super::{
    Error, GLOBALS, POST_DATA, PRE_DATA, Result,
    manifest::DEFINITIONS,
    programs::{self, Login, Programs, Running},
    rows::CHUNK_BYTES,
    toc::{self, Entry},
};
use crate::{
    capture::{Issue, Sink},
    connect::Dsn,
};
use bytes::Bytes;
use std::{path::Path, process::Stdio};
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes of one list or SQL file of definitions.
const LIMIT_BYTES: usize = 256 * 1024 * 1024;
/// Seconds that `pg_dump` waits for a lock.
const LOCK_PATIENCE: &str = "--lock-wait-timeout=5s";

/// What was learned while the definitions were written.
#[derive(Debug)]
pub(super) struct Definitions {
    pub(super) toc: Vec<Entry>,
    pub(super) dump_version: u32,
    pub(super) issues: Vec<Issue>,
}

/// Where to read from and as whom.
pub(super) struct Origin<'a> {
    pub(super) dsn: &'a Dsn,
    pub(super) application: &'a str,
    pub(super) snapshot: &'a str,
    pub(super) superuser: bool,
    pub(super) programs: &'a Programs,
}

/// Writes the archive, both SQL files and the roles.
pub(super) async fn write(origin: &Origin<'_>, sink: &dyn Sink) -> Result<Definitions> {
    let archive = NamedTempFile::new().map_err(Error::io("create a temporary file for the definitions"))?;
    let login = Login { dsn: Some(origin.dsn), application: origin.application, settings: "-c lc_monetary=C" };
    let mut command = origin.programs.command("pg_dump", &login);
    command.args(["--format=custom", "--compress=0", "--section=pre-data", "--section=post-data", "--no-blobs"]);
    command.args(["--no-sync", "--no-password", LOCK_PATIENCE, "--snapshot", origin.snapshot]);
    let output = archive.reopen().map_err(Error::io("open a temporary file"))?;
    let warnings = Running::start("pg_dump", command, Stdio::from(output))?.finish().await?;

    let list = restored(origin.programs, archive.path(), &["--list"]).await?;
    for (section, path) in [("--section=pre-data", PRE_DATA), ("--section=post-data", POST_DATA)] {
        let sql = restored(origin.programs, archive.path(), &[section, "--file=-"]).await?;
        put(sink, path, sql.as_bytes()).await?;
    }
    let file = tokio::fs::File::open(archive.path()).await.map_err(Error::io("read the definitions"))?;
    stream(sink, DEFINITIONS, file).await?;

    let mut issues: Vec<Issue> = warnings.into_iter().map(|text| issue("pg-dump-warning", "pg_dump", text)).collect();
    issues.extend(write_globals(origin, sink).await?);
    Ok(Definitions { toc: toc::parse(&list), dump_version: origin.programs.major, issues })
}

async fn restored(programs: &Programs, archive: &Path, arguments: &[&str]) -> Result<String> {
    let mut command = programs.command("pg_restore", &Login { dsn: None, application: "", settings: "" });
    command.args(arguments).arg(archive);
    Ok(programs::output("pg_restore", command, LIMIT_BYTES).await?.0)
}

/// Writes the cluster's roles. They do not belong to the database, so a capture without them is whole; it says so.
async fn write_globals(origin: &Origin<'_>, sink: &dyn Sink) -> Result<Vec<Issue>> {
    let login = Login { dsn: Some(origin.dsn), application: origin.application, settings: "" };
    let mut command = origin.programs.command("pg_dumpall", &login);
    command.args(["--globals-only", "--no-sync", "--no-password"]);
    command.arg("--database").arg(programs::database_argument(origin.dsn.database()));
    if !origin.superuser {
        command.arg("--no-role-passwords");
    }
    let mut issues = Vec::new();
    match programs::output("pg_dumpall", command, LIMIT_BYTES).await {
        Ok((sql, _)) => put(sink, GLOBALS, sql.as_bytes()).await?,
        Err(Error::Program { message, .. }) => {
            issues.push(issue(
                "roles-not-captured",
                GLOBALS,
                format!("the cluster's roles could not be read: {message}"),
            ));
        }
        Err(error) => return Err(error),
    }
    if !origin.superuser {
        let text = "passwords of roles are not in the capture: only a superuser can read them".to_owned();
        issues.push(issue("role-passwords-not-captured", GLOBALS, text));
    }
    Ok(issues)
}

pub(super) fn issue(code: &str, subject: &str, message: String) -> Issue {
    Issue { code: code.to_owned(), subject: subject.to_owned(), message }
}

/// Writes a whole file.
pub(super) async fn put(sink: &dyn Sink, path: &str, content: &[u8]) -> Result<()> {
    stream(sink, path, content).await
}

/// Writes a file from a reader.
async fn stream(sink: &dyn Sink, path: &str, mut from: impl AsyncRead + Unpin) -> Result<()> {
    let mut file = sink.create(path).await.map_err(Error::sink(path))?;
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let read =
            (&mut from).take(limit).read_to_end(&mut chunk).await.map_err(Error::io(format!("read for {path}")))?;
        if read == 0 {
            return file.finish().await.map_err(Error::sink(path));
        }
        file.write(Bytes::from(chunk)).await.map_err(Error::sink(path))?;
    }
}
