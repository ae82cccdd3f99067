//! Captures kept in memory, sinks and sources that stall, and two databases compared as `pg_dump` sees them.
#![expect(dead_code, reason = "each test file uses its part of this")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "it serves tests alone")]

use bytes::Bytes;
use futures::stream::BoxStream;
use keepsake_postgres::{
    capture::{FileSink, PortError, Sink, Source},
    connect::Dsn,
    database::{self, Manifest, Options, Report},
};
use keepsake_testkit::postgres::Server;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::Notify;

/// A capture in memory.
#[derive(Default, Clone)]
pub struct Memory {
    pub files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Memory {
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.files.lock().unwrap()[path].clone()).unwrap()
    }

    pub fn change(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.files.lock().unwrap().get_mut(path).expect("a file of that path"));
    }

    pub fn remove(&self, path: &str) {
        self.files.lock().unwrap().remove(path).expect("a file of that path");
    }

    pub fn copy(&self) -> Self {
        Self { files: Arc::new(Mutex::new(self.files.lock().unwrap().clone())) }
    }

    pub fn write_to(&self, folder: &std::path::Path) {
        for (path, content) in self.files.lock().unwrap().iter() {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
    }

    pub fn paths(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }
}

struct Open {
    memory: Memory,
    path: String,
    content: Vec<u8>,
}

#[async_trait::async_trait]
impl Sink for Memory {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        Ok(Box::new(Open { memory: self.clone(), path: path.to_owned(), content: Vec::new() }))
    }
}

#[async_trait::async_trait]
impl FileSink for Open {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.content.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        let before = self.memory.files.lock().unwrap().insert(self.path.clone(), self.content);
        assert!(before.is_none(), "{} was written twice", self.path);
        Ok(())
    }
}

#[async_trait::async_trait]
impl Source for Memory {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        let Some(content) = self.files.lock().unwrap().get(path).cloned() else { return Ok(None) };
        // Cut at odd places: nothing may depend on how a source hands out its bytes.
        let chunks: Vec<_> = content.chunks(7_001).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        Ok(Some(Box::pin(futures::stream::iter(chunks))))
    }
}

/// A sink that takes this many data files' bytes and then waits for ever; it says when.
pub struct Stalling {
    pub memory: Memory,
    pub stalled: Arc<Notify>,
}

impl Stalling {
    pub fn new() -> Self {
        Self { memory: Memory::default(), stalled: Arc::default() }
    }
}

struct StallingFile {
    stalled: Arc<Notify>,
}

#[async_trait::async_trait]
impl Sink for Stalling {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        if path.starts_with("data/") {
            return Ok(Box::new(StallingFile { stalled: Arc::clone(&self.stalled) }));
        }
        self.memory.create(path).await
    }
}

#[async_trait::async_trait]
impl FileSink for StallingFile {
    async fn write(&mut self, _: Bytes) -> Result<(), PortError> {
        self.stalled.notify_one();
        std::future::pending().await
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}

/// A source whose rows never come; it says when they were asked for.
pub struct StallingSource {
    pub memory: Memory,
    pub stalled: Arc<Notify>,
}

#[async_trait::async_trait]
impl Source for StallingSource {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        if path.starts_with("data/") {
            self.stalled.notify_one();
            return Ok(Some(Box::pin(futures::stream::pending())));
        }
        self.memory.open(path).await
    }
}

pub fn dsn(text: &str) -> Dsn {
    Dsn::resolve(text, &|_| None).expect("a connection string")
}

pub async fn capture(from: &str, memory: &Memory) -> database::Result<Manifest> {
    capture_with(from, memory, Options::default()).await
}

pub async fn capture_with(from: &str, memory: &Memory, options: Options) -> database::Result<Manifest> {
    database::capture(&dsn(from), Arc::new(memory.clone()), options).await
}

pub async fn restore(to: &str, memory: &Memory) -> database::Result<Report> {
    restore_with(to, memory, Options::default()).await
}

pub async fn restore_with(to: &str, memory: &Memory, options: Options) -> database::Result<Report> {
    database::restore(&dsn(to), Arc::new(memory.clone()), options).await
}

/// A database as `pg_dump` writes it, rows in order, without what differs from run to run.
pub fn dump(server: &mut Server, database: &str) -> String {
    let dsn = server.dsn(database);
    let mut command = server.cluster().programs().command("pg_dump");
    let output = command.arg("--dbname").arg(dsn).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    lines.collect::<Vec<_>>().join("\n")
}
