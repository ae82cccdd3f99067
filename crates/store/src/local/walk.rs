//! Listing files below a folder.
//!
//! A folder that cannot be read is an error, never a shorter list: whoever collects garbage by a listing would delete
//! what it still needs. Links are followed, as people move `data` to another disk.

use super::{UNFINISHED, blocking, errno, read};
use crate::{Error, Key, ObjectMeta, Result};
use futures::{StreamExt, stream, stream::BoxStream};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::mpsc::Sender;

/// Folders within folders beyond this are taken for a loop of links.
const DEPTH_MAX: usize = 32;
/// Entries found ahead of the consumer.
const AHEAD: usize = 256;

/// One thing in a folder.
enum Entry {
    Object(ObjectMeta),
    Folder(Key, PathBuf),
}

/// Every object below `prefix`.
pub(super) fn objects(root: Arc<Path>, prefix: Option<Key>) -> BoxStream<'static, Result<ObjectMeta>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let start = place(&root, prefix.as_ref());
        if let Err(error) = send_all(&start, prefix.as_ref(), 0, &sender) {
            let _nobody_listens = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
}

/// The names of folders right below `prefix` that hold an object somewhere.
pub(super) async fn folders(root: Arc<Path>, prefix: Option<Key>) -> Result<Vec<Key>> {
    let for_errors = shown(prefix.as_ref());
    blocking(&for_errors, move || {
        let mut found = Vec::new();
        for entry in entries(&place(&root, prefix.as_ref()), prefix.as_ref())? {
            if let Entry::Folder(key, path) = entry?
                && holds_object(&path, &key, 1)?
                && let Ok(name) = Key::parse(key.file_name())
            {
                found.push(name);
            }
        }
        found.sort();
        Ok(found)
    })
    .await
}

fn place(root: &Path, prefix: Option<&Key>) -> PathBuf {
    prefix.map_or_else(|| root.to_owned(), |prefix| root.join(prefix.as_str()))
}

/// What an error of a listing is about.
fn shown(prefix: Option<&Key>) -> Key {
    prefix.cloned().unwrap_or_else(Key::all)
}

/// `Ok(false)` if the consumer went away.
fn send_all(folder: &Path, prefix: Option<&Key>, depth: usize, out: &Sender<Result<ObjectMeta>>) -> Result<bool> {
    check_depth(prefix, depth)?;
    for entry in entries(folder, prefix)? {
        let goes_on = match entry? {
            Entry::Object(meta) => out.blocking_send(Ok(meta)).is_ok(),
            Entry::Folder(key, path) => send_all(&path, Some(&key), depth + 1, out)?,
        };
        if !goes_on {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds_object(folder: &Path, key: &Key, depth: usize) -> Result<bool> {
    check_depth(Some(key), depth)?;
    for entry in entries(folder, Some(key))? {
        let found = match entry? {
            Entry::Object(_) => true,
            Entry::Folder(key, path) => holds_object(&path, &key, depth + 1)?,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn check_depth(prefix: Option<&Key>, depth: usize) -> Result<()> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    let reason = format!("folders are nested deeper than {DEPTH_MAX}: a link points to a folder above itself");
    Err(Error::Permanent { key: shown(prefix).to_string(), source: reason.into() })
}

/// The objects and folders right in `folder`; nothing if there is no such folder.
fn entries(folder: &Path, prefix: Option<&Key>) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
    let name = shown(prefix);
    let listing = match fs::read_dir(folder) {
        Ok(listing) => Some(listing),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        Err(error) => return Err(errno::error(&name, error)),
    };
    let prefix = prefix.cloned();
    Ok(listing.into_iter().flatten().filter_map(move |entry| match entry {
        Ok(entry) => describe(&entry, prefix.as_ref()).transpose(),
        Err(error) => Some(Err(errno::error(&name, error))),
    }))
}

/// `None` for what is no object: unfinished files, sockets, names that no store could hold, and what just went away.
fn describe(entry: &fs::DirEntry, prefix: Option<&Key>) -> Result<Option<Entry>> {
    let file_name = entry.file_name();
    let Some(name) = file_name.to_str().and_then(|name| Key::parse(name).ok()) else {
        tracing::warn!(folder = %shown(prefix), "a file whose name no object can have was left out of a listing");
        return Ok(None);
    };
    if name.as_str().starts_with(UNFINISHED) {
        return Ok(None);
    }
    let key = prefix.map_or_else(|| name.clone(), |prefix| name.under(prefix));
    let metadata = match fs::metadata(entry.path()) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(errno::error(&key, error)),
    };
    if metadata.is_dir() {
        return Ok(Some(Entry::Folder(key, entry.path())));
    }
    if metadata.is_file() {
        return Ok(Some(Entry::Object(read::meta(key, &metadata)?)));
    }
    Ok(None)
}
