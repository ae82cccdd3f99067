//! Where the files that rows name are.

use super::PortError;
use bytes::Bytes;
use futures::stream::BoxStream;
use std::{collections::BTreeMap, io, path::PathBuf};
use tokio::io::AsyncReadExt;

/// What a store says of a file. Two equal answers mean the same content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    /// Size.
    pub size_bytes: u64,
    /// Entity tag: changes when the content does.
    pub etag: Option<String>,
    /// Version, where the store keeps versions.
    pub version: Option<String>,
}

/// A file that was opened.
pub struct OpenFile {
    /// What the store said when it was opened.
    pub meta: FileMeta,
    /// Its bytes; a cut stream ends with an error.
    pub bytes: BoxStream<'static, Result<Bytes, PortError>>,
}

/// The stores of a mapping's file columns, by their names.
#[async_trait::async_trait]
pub trait FileStore: Send + Sync {
    /// Opens a file, or `None` if there is none. Paths are relative and `/`-separated, and hold neither `.` nor `..`.
    ///
    /// # Errors
    /// Whatever the far side reports: the file is then unreadable, and the capture incomplete.
    async fn open(&self, store: &str, path: &str) -> Result<Option<OpenFile>, PortError>;

    /// What the store says of a file now, or `None` if there is none.
    ///
    /// # Errors
    /// Whatever the far side reports.
    async fn meta(&self, store: &str, path: &str) -> Result<Option<FileMeta>, PortError>;
}

/// File stores that are local folders.
#[derive(Debug, Clone, Default)]
pub struct Directories(BTreeMap<String, PathBuf>);

impl Directories {
    /// Stores by name, each with its folder.
    pub fn new(stores: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        Self(stores.into_iter().collect())
    }

    /// The file, resolved. A symbolic link may lead to another place below the store's folder, never out of it.
    async fn find(&self, store: &str, path: &str) -> Result<Option<PathBuf>, PortError> {
        let root = self.0.get(store).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("no folder is known for the file store `{store}`"))
        })?;
        let root = tokio::fs::canonicalize(root).await?;
        let found = match tokio::fs::canonicalize(root.join(path)).await {
            Ok(found) => found,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if !found.starts_with(&root) {
            return Err(
                io::Error::new(io::ErrorKind::PermissionDenied, "a symbolic link leads out of the file store").into()
            );
        }
        Ok(Some(found))
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidFilename)
}

fn meta_of(metadata: &std::fs::Metadata) -> Result<FileMeta, PortError> {
    use std::os::unix::fs::MetadataExt;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file").into());
    }
    let changed = format!("{:x}-{:x}-{:x}", metadata.mtime(), metadata.mtime_nsec(), metadata.ino());
    Ok(FileMeta { size_bytes: metadata.len(), etag: Some(changed), version: None })
}

#[async_trait::async_trait]
impl FileStore for Directories {
    async fn open(&self, store: &str, path: &str) -> Result<Option<OpenFile>, PortError> {
        let Some(found) = self.find(store, path).await? else { return Ok(None) };
        // A name may lead to a pipe, which would be opened for ever: look before opening.
        meta_of(&tokio::fs::metadata(&found).await?)?;
        let file = tokio::fs::File::open(&found).await?;
        let meta = meta_of(&file.metadata().await?)?;
        let bytes = futures::stream::try_unfold(file, |mut file| async move {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece).await?;
            Ok((read > 0).then(|| (Bytes::from(piece), file)))
        });
        Ok(Some(OpenFile { meta, bytes: Box::pin(bytes) }))
    }

    async fn meta(&self, store: &str, path: &str) -> Result<Option<FileMeta>, PortError> {
        let Some(found) = self.find(store, path).await? else { return Ok(None) };
        match tokio::fs::metadata(&found).await {
            Ok(metadata) => meta_of(&metadata).map(Some),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

const PIECE_BYTES: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    #[tokio::test]
    async fn a_folder_gives_its_files_and_nothing_outside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("photos");
        std::fs::create_dir_all(root.join("a")).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::fs::write(root.join("a/one.jpg"), vec![7; 600 * 1024]).unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), root.join("out")).unwrap();
        std::os::unix::fs::symlink(root.join("a/one.jpg"), root.join("inside")).unwrap();
        let stores = Directories::new([("photos".to_owned(), root)]);
        let file = stores.open("photos", "a/one.jpg").await.unwrap().unwrap();
        let pieces: Vec<Bytes> = file.bytes.try_collect().await.unwrap();
        assert_eq!(pieces.iter().map(|piece| piece.len() as u64).sum::<u64>(), file.meta.size_bytes);
        assert!(stores.open("photos", "inside").await.unwrap().is_some());
        assert!(stores.open("photos", "a/none.jpg").await.unwrap().is_none());
        assert!(stores.open("photos", "a/one.jpg/x").await.unwrap().is_none());
        assert!(stores.open("photos", "out").await.is_err());
        assert!(stores.meta("photos", "a").await.is_err(), "a folder is no file");
        assert!(stores.open("other", "a").await.is_err());
        let before = stores.meta("photos", "a/one.jpg").await.unwrap();
        std::fs::write(folder.path().join("photos/a/one.jpg"), vec![8; 600 * 1024]).unwrap();
        assert_ne!(stores.meta("photos", "a/one.jpg").await.unwrap(), before);
    }
}
