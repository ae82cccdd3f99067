//! What live had beyond the pre-recovery snapshot when the locks were taken (safety rule S2), and rows taken from another
//! wedding: saved outside the database before anything is written, so that undo knows the very state that was replaced.
//!
//! The difference has the layout of a capture: whole tables of this wedding's rows, which [`Overlay`] lays over the
//! pre-recovery capture to give the source of an undo.

use super::{
    Error,
    frame::Frame,
    live::{self, Locks},
    row::Line,
    sum::Sum,
    work::{Whose, Work},
};
use crate::capture::{FileSink, Manifest, PortError, Sink, Source, TableEntry, rows_path, scope_hash};
use bytes::Bytes;
use futures::stream::BoxStream;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_postgres::Transaction;

/// Takes the difference.
#[async_trait::async_trait]
pub trait Spool: Send + Sync {
    /// Where to write the difference, as a capture's files. Called at most once for each attempt; an earlier attempt's files
    /// count for nothing.
    ///
    /// # Errors
    /// Whatever the far side reports; nothing is restored.
    async fn begin(&self) -> Result<Arc<dyn Sink>, PortError>;

    /// Makes what was written durable. The restore goes on only after this returned.
    ///
    /// # Errors
    /// Whatever the far side reports; nothing is restored.
    async fn commit(&self) -> Result<(), PortError>;
}

/// Compares what was read under the locks with the pre-recovery capture, and saves every table that differs.
pub(crate) async fn save_difference(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    work: &Work,
    saved: Option<&Manifest>,
    spool: Option<&dyn Spool>,
) -> Result<bool, Error> {
    let Some(saved) = saved else { return Ok(false) };
    let entry = |index: usize| saved.tables.iter().find(|entry| entry.name == frame.table(index).live.name);
    let differs = |index: &usize| {
        let sum = &work.table(*index).live_sum;
        entry(*index).is_none_or(|entry| entry.rows != sum.rows || entry.hash != sum.hex())
    };
    let different: Vec<usize> = frame.in_scope().filter(differs).collect();
    let taken =
        frame.in_scope().any(|index| work.table(index).update.values().any(|update| update.whose == Whose::Taken));
    if (different.is_empty() && !taken) || work.is_empty() {
        return Ok(false);
    }
    let spool = spool.ok_or(Error::NoSpool)?;
    let sink = spool.begin().await.map_err(Error::Spool)?;
    let mut tables = read_tables(tx, frame, work, &different).await?;
    let mut manifest = saved.clone();
    for (index, lines) in std::mem::take(&mut tables) {
        let entry = table_entry(frame, index, &lines);
        write_lines(sink.as_ref(), &entry.path, &lines).await?;
        manifest.tables.retain(|table| table.name != entry.name);
        manifest.tables.push(entry);
    }
    manifest.scope_hash = scope_hash(&manifest.tables);
    let mut taken_tables: Vec<TableEntry> = Vec::new();
    for index in frame.in_scope() {
        let lines: Vec<Line> = work
            .table(index)
            .update
            .values()
            .filter(|update| update.whose == Whose::Taken)
            .map(|update| update.live.line.clone())
            .collect();
        if !lines.is_empty() {
            let mut entry = table_entry(frame, index, &lines);
            entry.path = taken_path(&entry.path);
            write_lines(sink.as_ref(), &entry.path, &lines).await?;
            taken_tables.push(entry);
        }
    }
    let document = serde_json::to_vec(&manifest).map_err(|error| Error::Spool(Box::new(error)))?;
    write_file(sink.as_ref(), "manifest.json", document).await?;
    if !taken_tables.is_empty() {
        let document = serde_json::to_vec(&taken_tables).map_err(|error| Error::Spool(Box::new(error)))?;
        write_file(sink.as_ref(), TAKEN, document).await?;
    }
    spool.commit().await.map_err(Error::Spool)?;
    Ok(true)
}

/// The list of rows taken from other weddings, as table entries.
pub(crate) const TAKEN: &str = "taken.json";

fn taken_path(rows: &str) -> String {
    format!("taken/{}", rows.trim_start_matches("rows/"))
}

/// This wedding's rows of some tables as they are under the locks, in live layout.
async fn read_tables(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    work: &Work,
    wanted: &[usize],
) -> Result<BTreeMap<usize, Vec<Line>>, Error> {
    let mut tables: BTreeMap<usize, Vec<Line>> = wanted.iter().map(|index| (*index, Vec::new())).collect();
    live::owned(tx, frame, &work.wedding, Locks::None, |index, row| {
        if let Some(lines) = tables.get_mut(&index) {
            lines.push(frame.table(index).stored(&row.line));
        }
        Ok(())
    })
    .await?;
    tables.values_mut().for_each(|lines| lines.sort_unstable());
    Ok(tables)
}

fn table_entry(frame: &Frame<'_>, index: usize, lines: &[Line]) -> TableEntry {
    let table = frame.table(index);
    let mut sum = Sum::default();
    lines.iter().for_each(|line| sum.add(&table.stored(line)));
    let key = table.live_key.iter().filter_map(|at| table.columns.get(*at)).map(|column| column.name.clone());
    TableEntry {
        name: table.live.name.clone(),
        group: table.group,
        path: rows_path(&table.live.name),
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        key: key.collect(),
        rows: sum.rows,
        hash: sum.hex(),
    }
}

async fn write_lines(sink: &dyn Sink, path: &str, lines: &[Line]) -> Result<(), Error> {
    let mut bytes = Vec::with_capacity(lines.iter().map(|line| line.bytes().len() + 1).sum());
    for line in lines {
        bytes.extend_from_slice(line.bytes());
        bytes.push(b'\n');
    }
    write_file(sink, path, bytes).await
}

async fn write_file(sink: &dyn Sink, path: &str, bytes: Vec<u8>) -> Result<(), Error> {
    let mut file = sink.create(path).await.map_err(Error::Spool)?;
    file.write(Bytes::from(bytes)).await.map_err(Error::Spool)?;
    file.finish().await.map_err(Error::Spool)
}

/// A spool in a local folder: every file and folder is fsynced, and the folder appears under its name in one step.
#[derive(Debug, Clone)]
pub struct DirectorySpool {
    folder: PathBuf,
}

impl DirectorySpool {
    /// A spool that will be at `folder`, which must not exist, in a folder that does.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn partial(&self) -> PathBuf {
        self.folder.with_extension("partial")
    }
}

#[async_trait::async_trait]
impl Spool for DirectorySpool {
    async fn begin(&self) -> Result<Arc<dyn Sink>, PortError> {
        let folder = self.partial();
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        fs::create_dir_all(&folder)?;
        Ok(Arc::new(DirectorySink { folder }))
    }

    async fn commit(&self) -> Result<(), PortError> {
        let partial = self.partial();
        sync_folders(&partial)?;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        fs::rename(&partial, &self.folder)?;
        let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs::File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        Ok(())
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_folders(&path)?;
        }
    }
    fs::File::open(folder)?.sync_all()
}

struct DirectorySink {
    folder: PathBuf,
}

struct DirectoryFile(fs::File);

#[async_trait::async_trait]
impl Sink for DirectorySink {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        let path = self.folder.join(inside(path)?);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(Box::new(DirectoryFile(fs::File::create_new(path)?)))
    }
}

#[async_trait::async_trait]
impl FileSink for DirectoryFile {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        io::Write::write_all(&mut self.0, &bytes)?;
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        self.0.sync_all()?;
        Ok(())
    }
}

/// A relative path that cannot climb out of its folder.
fn inside(path: &str) -> io::Result<&Path> {
    let path = Path::new(path);
    let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if plain { Ok(path) } else { Err(io::Error::new(io::ErrorKind::InvalidInput, "a path that leaves its folder")) }
}

/// A capture in a local folder, such as a committed spool.
#[derive(Debug, Clone)]
pub struct DirectorySource {
    folder: PathBuf,
}

impl DirectorySource {
    /// The capture in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

#[async_trait::async_trait]
impl Source for DirectorySource {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        let path = self.folder.join(inside(path)?);
        match tokio::fs::File::open(&path).await {
            Ok(file) => {
                let stream = tokio_util::io::ReaderStream::with_capacity(file, 64 << 10);
                Ok(Some(Box::pin(futures::TryStreamExt::map_err(stream, |error| Box::new(error) as PortError))))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// A pre-recovery capture with the difference over it: what undo restores from.
pub struct Overlay {
    /// The difference, from the spool.
    pub over: Arc<dyn Source>,
    /// The pre-recovery capture.
    pub base: Arc<dyn Source>,
}

impl std::fmt::Debug for Overlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Overlay")
    }
}

#[async_trait::async_trait]
impl Source for Overlay {
    async fn open(&self, path: &str) -> Result<Option<BoxStream<'static, Result<Bytes, PortError>>>, PortError> {
        match self.over.open(path).await? {
            Some(stream) => Ok(Some(stream)),
            None => self.base.open(path).await,
        }
    }
}
