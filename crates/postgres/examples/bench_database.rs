//! Measures capture and restore of a whole database beside `pg_dump -Fd -j2` and `pg_restore -j2`, in turn, on one server
//! and one file system, both writing to memory where /dev/shm exists.
//!
//! ```text
//! cargo run --release -p keepsake-postgres --example bench_database -- [capture|restore|all] [ROUNDS] [demo|bench]
//! ```
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use keepsake_postgres::{
    capture::{FileSink, PortError, Sink, Source},
    connect::Dsn,
    database::{self, Options},
};
use keepsake_testkit::{planner, postgres::Server};
use std::{
    error::Error,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::AsyncWriteExt;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A capture in a folder.
struct Folder(PathBuf);

struct Open(tokio::fs::File);

#[async_trait::async_trait]
impl Sink for Folder {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        let path = self.0.join(path);
        if let Some(parent) = path.parent() {
            tokio::fs::create_dir_all(parent).await?;
        }
        Ok(Box::new(Open(tokio::fs::File::create(path).await?)))
    }
}

#[async_trait::async_trait]
impl FileSink for Open {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        Ok(self.0.write_all(&bytes).await?)
    }

    async fn finish(mut self: Box<Self>) -> Result<(), PortError> {
        Ok(self.0.flush().await?)
    }
}

#[async_trait::async_trait]
impl Source for Folder {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        let file = tokio::fs::File::open(self.0.join(path)).await?;
        let chunks = tokio_util::io::ReaderStream::with_capacity(file, 256 * 1024);
        Ok(Some(Box::pin(chunks.map(|chunk| chunk.map_err(PortError::from)))))
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "all".to_owned());
    let rounds: usize = arguments.next().map_or(Ok(3), |text| text.parse())?;
    let spec = match arguments.next().as_deref() {
        Some("demo") => planner::Spec::demo(),
        _ => planner::Spec::bench(),
    };
    let mut server = Server::start_with(&[("shared_buffers", "512MB"), ("max_wal_size", "4GB")]);
    let source = server.create_database("planner").await;
    let client = server.connect("planner").await;
    planner::install(&client).await?;
    let begun = Instant::now();
    let generated = planner::generate(&client, &spec, None).await?;
    for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
        client.batch_execute(statement).await?;
    }
    let size: i64 = client.query_one("SELECT pg_database_size(current_database())", &[]).await?.try_get(0)?;
    println!("{} rows, {} MiB, made in {:.1?}", generated.rows, size >> 20, begun.elapsed());

    let memory = Path::new("/dev/shm");
    let room = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    let (ours, theirs) = (room.path().join("ours"), room.path().join("theirs"));
    let dsn = Dsn::resolve(&source, &|_| None)?;
    let (mut our_captures, mut their_captures) = (Vec::new(), Vec::new());
    let (mut our_restores, mut their_restores) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for folder in [&ours, &theirs] {
            if folder.try_exists()? {
                std::fs::remove_dir_all(folder)?;
            }
        }
        let begun = Instant::now();
        database::capture(&dsn, Arc::new(Folder(ours.clone())), Options::default()).await?;
        our_captures.push(begun.elapsed());
        their_captures.push(program(&mut server, "pg_dump", &["-Fd", "-j2", "-d", &source, "-f"], &theirs).await?);
        if what == "capture" {
            continue;
        }
        let (mine, other) = (format!("mine{round}"), format!("other{round}"));
        let target = Dsn::resolve(&server.create_database(&mine).await, &|_| None)?;
        let begun = Instant::now();
        let report = database::restore(&target, Arc::new(Folder(ours.clone())), Options::default()).await?;
        our_restores.push(begun.elapsed());
        println!("restored: {:.2?}", report.timings);
        let target = server.create_database(&other).await;
        their_restores.push(program(&mut server, "pg_restore", &["-j2", "-d", &target], &theirs).await?);
        let admin = server.connect("postgres").await;
        admin.batch_execute(&format!("DROP DATABASE {mine}")).await?;
        admin.batch_execute(&format!("DROP DATABASE {other}")).await?;
        admin.batch_execute("CHECKPOINT").await?;
    }
    tell("capture", &mut our_captures, "pg_dump -Fd -j2", &mut their_captures);
    tell("restore with proof", &mut our_restores, "pg_restore -j2", &mut their_restores);
    Ok(())
}

/// Runs one of PostgreSQL's programs on a folder; how long it took.
async fn program(server: &mut Server, name: &str, arguments: &[&str], folder: &Path) -> Outcome<Duration> {
    let mut command = tokio::process::Command::new(server.cluster().programs().path(name));
    command.args(arguments).arg(folder).stdin(Stdio::null());
    let begun = Instant::now();
    let status = command.status().await?;
    if status.success() { Ok(begun.elapsed()) } else { Err(format!("{name} failed").into()) }
}

fn tell(our_name: &str, ours: &mut [Duration], their_name: &str, theirs: &mut [Duration]) {
    ours.sort_unstable();
    theirs.sort_unstable();
    let (Some(mine), Some(other)) = (ours.get(ours.len() / 2), theirs.get(theirs.len() / 2)) else { return };
    let ratio = mine.as_secs_f64() / other.as_secs_f64();
    println!("{our_name} {mine:.2?}, {their_name} {other:.2?}: {ratio:.2} (medians)");
    println!("  {ours:.2?} and {theirs:.2?}");
}
