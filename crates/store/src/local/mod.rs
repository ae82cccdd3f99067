//! Objects as files below a folder, as stock restic lays them out.
//!
//! Written here rather than over `object_store`'s file system, because a backup needs three things which that one does
//! not give: an unfinished file must not stay behind a crash (files are written without a name and linked when they are
//! whole and on disk), a folder must be on disk before an object in it counts as stored, and whole packs must cross the
//! kernel once: one `writev` for the pieces of a pack, one `pread` into the buffer that is handed out.
//!
//! Every call runs on the blocking pool; a call whose future is dropped ends by itself, with the whole object or none.

mod errno;
mod folder;
mod publish;
mod read;
mod walk;

use crate::{Error, Key, ObjectMeta, Payload, Result, Store, port::range_len};
use bytes::Bytes;
use folder::Folders;
use futures::stream::BoxStream;
use publish::Publisher;
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Names that unfinished files have on file systems without nameless files. Never listed, never a valid object.
pub(crate) const UNFINISHED: &str = ".keepsake-unfinished-";

/// A folder that holds objects.
#[derive(Debug, Clone)]
pub struct Local {
    root: Arc<Path>,
    folders: Arc<Folders>,
    publisher: Arc<Publisher>,
}

impl Local {
    /// A store in `root`. Nothing is created before the first object is.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `root` is not absolute.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self> {
        let root: PathBuf = root.into();
        if !root.is_absolute() {
            return Err(Error::Invalid {
                reason: format!("the folder {} is not absolute: write it from / on", root.display()),
            });
        }
        Ok(Self { folders: Arc::new(Folders::default()), publisher: Arc::new(Publisher::default()), root: root.into() })
    }

    /// As [`new`](Self::new), on a file system that has no nameless files.
    #[cfg(test)]
    fn with_named_files(root: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self { publisher: Arc::new(Publisher::named()), ..Self::new(root)? })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, key: &Key) -> Result<PathBuf> {
        if key.as_str().split('/').any(|segment| segment.starts_with(UNFINISHED)) {
            return Err(Error::Invalid {
                reason: format!("names starting with {UNFINISHED} are kept for unfinished files"),
            });
        }
        Ok(self.root.join(key.as_str()))
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(key: &Key, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(source) => Err(Error::Permanent { key: key.to_string(), source: source.into() }),
    }
}

#[async_trait::async_trait]
impl Store for Local {
    fn location(&self) -> String {
        url::Url::from_file_path(&self.root).map_or_else(|()| self.root.display().to_string(), String::from)
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let path = self.path(key)?;
        let (store, name) = (self.clone(), key.clone());
        blocking(key, move || {
            let done = store.publisher.create(&store.folders, &path, &payload);
            done.map_err(|source| errno::error(&name, source))
        })
        .await
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let (path, name) = (self.path(key)?, key.clone());
        blocking(key, move || read::whole(&path, &name)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        range_len(key, &range)?;
        let (path, name) = (self.path(key)?, key.clone());
        blocking(key, move || read::range(&path, &name, range)).await
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (path, name) = (self.path(key)?, key.clone());
        let (file, meta) = blocking(key, move || read::open(&path, &name)).await?;
        let stream = read::stream(file, meta.clone());
        Ok((meta, stream))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let (path, name) = (self.path(key)?, key.clone());
        blocking(key, move || {
            let metadata = fs::metadata(&path).map_err(|source| errno::error(&name, source))?;
            if metadata.is_file() { read::meta(name, &metadata) } else { Err(Error::not_found(&name)) }
        })
        .await
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        walk::objects(Arc::clone(&self.root), prefix.cloned())
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        walk::folders(Arc::clone(&self.root), prefix.cloned()).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let (path, name) = (self.path(key)?, key.clone());
        blocking(key, move || publish::remove(&path).map_err(|source| errno::error(&name, source))).await
    }
}

#[cfg(test)]
mod tests;
