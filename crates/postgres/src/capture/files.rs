//! The files that rows name, read after the snapshot is closed (safety rule S6).

use super::{
    Error, FileEntry, FileState, FileStore, Issue, Result, Sink,
    file_store::{FileMeta, OpenFile},
    names,
    scan::NamedFile,
};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use keepsake_domain::integrity;
use std::collections::{BTreeMap, BTreeSet};

/// Files read at once for one wedding.
const AT_ONCE: usize = 4;
/// What is read before the sink is asked for a file: most failures show before anything has to be taken back.
const AHEAD_BYTES: usize = 1024 * 1024;

type Named = BTreeMap<(String, String), NamedFile>;

/// Reads every file into the sink. A missing file is listed; one that cannot be read makes the capture incomplete (S13).
pub(super) async fn capture(files: &Named, store: Option<&dyn FileStore>, sink: &dyn Sink) -> Result<Vec<FileEntry>> {
    // Made before they are polled: a closure over borrowed pairs inside a stream is not general enough for the compiler.
    let reading: Vec<_> = files.iter().map(|((name, path), file)| one(name, path, file, store, sink)).collect();
    let mut entries: Vec<FileEntry> = stream::iter(reading).buffer_unordered(AT_ONCE).try_collect().await?;
    entries.sort_by(|a, b| (&a.store, &a.path).cmp(&(&b.store, &b.path)));
    Ok(entries)
}

async fn one(
    name: &str,
    path: &str,
    file: &NamedFile,
    store: Option<&dyn FileStore>,
    sink: &dyn Sink,
) -> Result<FileEntry> {
    let mut entry = FileEntry {
        store: name.to_owned(),
        path: path.to_owned(),
        table: file.table.clone(),
        column: file.column.clone(),
        group: file.group,
        size_bytes: None,
        sha256: None,
        etag: None,
        version: None,
        state: FileState::Missing,
    };
    let Some(store) = store.filter(|_| !file.refused) else { return Ok(entry) };
    let opened = match store.open(name, path).await {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(entry),
        Err(error) => {
            tracing::warn!(store = name, %error, "a file could not be opened");
            entry.state = FileState::Unreadable;
            return Ok(entry);
        }
    };
    let before = opened.meta.clone();
    entry.etag.clone_from(&before.etag);
    entry.version.clone_from(&before.version);
    match copy(opened, &names::file_path(name, path), sink).await? {
        Some((size_bytes, sha256)) => {
            let after = store.meta(name, path).await;
            entry.state =
                if same(&before, size_bytes, after.as_ref().ok()) { FileState::Captured } else { FileState::Changed };
            (entry.size_bytes, entry.sha256) = (Some(size_bytes), Some(sha256));
        }
        None => entry.state = FileState::Unreadable,
    }
    Ok(entry)
}

/// Whether the file stayed as it was while it was read. A store that cannot say any more proves nothing: then it did not.
fn same(before: &FileMeta, read_bytes: u64, after: Option<&Option<FileMeta>>) -> bool {
    before.size_bytes == read_bytes && after.is_some_and(|after| after.as_ref() == Some(before))
}

/// Size and SHA-256 of what was stored; `None` if the file could not be read to its end (nothing is left of it then).
async fn copy(mut file: OpenFile, path: &str, sink: &dyn Sink) -> Result<Option<(u64, String)>> {
    let (mut size_bytes, mut hash) = (0_u64, Context::new(&SHA256));
    let mut ahead: Vec<Bytes> = Vec::new();
    let mut target = None;
    loop {
        let piece = match file.bytes.next().await {
            Some(Ok(piece)) => piece,
            None => break,
            Some(Err(error)) => {
                tracing::warn!(%error, "a file could not be read to its end");
                if let Some(target) = target.take() {
                    abandon(target, path).await?;
                }
                return Ok(None);
            }
        };
        size_bytes += piece.len() as u64;
        hash.update(&piece);
        ahead.push(piece);
        let waiting: usize = ahead.iter().map(Bytes::len).sum();
        if target.is_some() || waiting >= AHEAD_BYTES {
            flush(&mut target, &mut ahead, path, sink).await?;
        }
    }
    flush(&mut target, &mut ahead, path, sink).await?;
    if let Some(target) = target {
        target.finish().await.map_err(Error::sink(path))?;
    }
    Ok(Some((size_bytes, hex::encode(hash.finish()))))
}

async fn abandon(target: Box<dyn super::FileSink>, path: &str) -> Result<()> {
    target.abandon().await.map_err(Error::sink(path))
}

async fn flush(
    target: &mut Option<Box<dyn super::FileSink>>,
    ahead: &mut Vec<Bytes>,
    path: &str,
    sink: &dyn Sink,
) -> Result<()> {
    let file = match target {
        Some(file) => file,
        None => target.insert(sink.create(path).await.map_err(Error::sink(path))?),
    };
    for piece in ahead.drain(..) {
        file.write(piece).await.map_err(Error::sink(path))?;
    }
    Ok(())
}

/// Marks files whose rows no longer name them: rows and files then do not belong to the same moment.
pub(super) fn compare(entries: &mut [FileEntry], named_now: &BTreeSet<(String, String)>) -> u64 {
    let mut changed = 0;
    for entry in entries.iter_mut().filter(|entry| entry.state == FileState::Captured) {
        if !named_now.contains(&(entry.store.clone(), entry.path.clone())) {
            entry.state = FileState::Changed;
            changed += 1;
        }
    }
    changed
}

/// Counts for the score.
pub(super) fn counts(entries: &[FileEntry]) -> integrity::Files {
    let count = |state: FileState| entries.iter().filter(|entry| entry.state == state).count() as u64;
    integrity::Files {
        named: entries.len() as u64,
        missing: count(FileState::Missing),
        unreadable: count(FileState::Unreadable),
        changed: count(FileState::Changed),
    }
}

/// An issue for each file that is not simply captured.
pub(super) fn issues(entries: &[FileEntry], files: &Named) -> Vec<Issue> {
    let issue = |entry: &FileEntry| {
        let named = files.get(&(entry.store.clone(), entry.path.clone()));
        let (code, message) = match entry.state {
            FileState::Captured => return None,
            FileState::Missing if named.is_some_and(|named| named.refused) => {
                ("file-refused", "the column names a path that leads out of the file store; it was not followed")
            }
            FileState::Missing => ("file-missing", "the row names a file that the store does not have"),
            FileState::Unreadable => {
                ("file-unreadable", "the file is there but could not be read: the capture is incomplete")
            }
            FileState::Changed => ("file-changed", "the file or its row changed during the capture"),
        };
        let subject = format!("{}.{}: {}/{}", entry.table, entry.column, entry.store, entry.path);
        Some(Issue { code: code.to_owned(), subject, message: message.to_owned() })
    };
    entries.iter().filter_map(issue).collect()
}
