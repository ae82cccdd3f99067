//! The files that rows name, wherever they are: in folders or in buckets, as the mapping says or as the caller overrides.

use crate::error::{Code, Error, Result};
use aws_lc_rs::digest;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use keepsake_domain::Clock;
use keepsake_postgres::{
    capture::{Directories, FileMeta, FileStore, OpenFile, PortError},
    mapping::Mapping,
};
use keepsake_store::{DynStore, Key, Location, ObjectMeta, Options, Payload};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::io::AsyncWriteExt;

/// Every file store of a mapping.
#[derive(Debug, Clone, Default)]
pub struct FileStores {
    folders: BTreeMap<String, PathBuf>,
    buckets: BTreeMap<String, DynStore>,
}

impl FileStores {
    /// Opens what the mapping names; `root` (a folder or a bucket URL) replaces every location.
    ///
    /// # Errors
    /// [`Code::StorageInvalid`] if a location cannot be used.
    pub fn open(mapping: &Mapping, root: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Self> {
        let mut stores = Self::default();
        for column in &mapping.files {
            let Some(location) = root.or(column.location.as_deref()) else { continue };
            stores.add(&column.store, location, clock)?;
        }
        Ok(stores)
    }

    fn add(&mut self, store: &str, location: &str, clock: &Arc<dyn Clock>) -> Result<()> {
        if Path::new(location).is_absolute() || !location.contains(':') {
            let folder = std::path::absolute(location)
                .map_err(|error| Error::because(Code::StorageInvalid, format!("cannot use {location}"), error))?;
            self.folders.insert(store.to_owned(), folder);
            return Ok(());
        }
        let invalid =
            |error| Error::because(Code::StorageInvalid, format!("the file store `{store}` cannot be used"), error);
        match location.parse().map_err(invalid)? {
            Location::Local { path } => {
                self.folders.insert(store.to_owned(), path);
            }
            place => {
                let options = Options { clock: Arc::clone(clock), ..Options::from_process() };
                self.buckets
                    .insert(store.to_owned(), keepsake_store::open_location(&place, &options).map_err(invalid)?);
            }
        }
        Ok(())
    }

    /// The folder of a store, if it is one.
    pub fn folder(&self, store: &str) -> Option<&Path> {
        self.folders.get(store).map(PathBuf::as_path)
    }

    /// Whether anybody said where a store is.
    pub(crate) fn knows(&self, store: &str) -> bool {
        self.folders.contains_key(store) || self.buckets.contains_key(store)
    }

    fn directories(&self) -> Directories {
        Directories::new(self.folders.clone())
    }
}

fn meta(object: &ObjectMeta) -> FileMeta {
    FileMeta { size_bytes: object.size_bytes, etag: object.etag.clone(), version: object.version.clone() }
}

#[async_trait::async_trait]
impl FileStore for FileStores {
    async fn open(&self, store: &str, path: &str) -> Result<Option<OpenFile>, PortError> {
        let Some(bucket) = self.buckets.get(store) else {
            if !self.folders.contains_key(store) {
                return Ok(None);
            }
            return self.directories().open(store, path).await;
        };
        match bucket.get_stream(&Key::parse(path)?).await {
            Ok((object, bytes)) => {
                Ok(Some(OpenFile { meta: meta(&object), bytes: bytes.map_err(PortError::from).boxed() }))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn meta(&self, store: &str, path: &str) -> Result<Option<FileMeta>, PortError> {
        let Some(bucket) = self.buckets.get(store) else {
            if !self.folders.contains_key(store) {
                return Ok(None);
            }
            return self.directories().meta(store, path).await;
        };
        match bucket.head(&Key::parse(path)?).await {
            Ok(object) => Ok(Some(meta(&object))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl FileStores {
    /// Writes a file in place of whatever has its name: whole or not at all. Returns its length and SHA-256, hex.
    pub(crate) async fn write(
        &self,
        store: &str,
        path: &str,
        bytes: BoxStream<'static, Result<Bytes, PortError>>,
    ) -> Result<(u64, String), PortError> {
        if let Some(bucket) = self.buckets.get(store) {
            return write_object(bucket, path, bytes).await;
        }
        let folder = self.folders.get(store).ok_or_else(|| unknown(store))?;
        write_file(&inside(folder, path)?, bytes).await
    }

    /// Removes what a writer that died left of a file beside its place.
    pub(crate) async fn remove_half(&self, store: &str, path: &str) -> Result<(), PortError> {
        // Objects are whole or not there.
        let Some(folder) = self.folders.get(store) else { return Ok(()) };
        match tokio::fs::remove_file(temporary(&inside(folder, path)?)).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }

    /// Removes a file; it is no error if there is none.
    pub(crate) async fn remove(&self, store: &str, path: &str) -> Result<(), PortError> {
        if let Some(bucket) = self.buckets.get(store) {
            return Ok(bucket.delete(&Key::parse(path)?).await?);
        }
        let folder = self.folders.get(store).ok_or_else(|| unknown(store))?;
        match tokio::fs::remove_file(inside(folder, path)?).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => Ok(other?),
        }
    }
}

fn unknown(store: &str) -> PortError {
    io::Error::new(
        io::ErrorKind::NotFound,
        format!("nobody says where the file store `{store}` is: name it in the mapping or with --files-root"),
    )
    .into()
}

/// The place of a path below a folder. Names that lead elsewhere, and folders that are links to elsewhere, are refused.
fn inside(folder: &Path, path: &str) -> Result<PathBuf, PortError> {
    let refused = |why: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{path} {why}"));
    let plain = Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if !plain || path.is_empty() {
        return Err(refused("leads out of the file store").into());
    }
    std::fs::create_dir_all(folder)?;
    let root = folder.canonicalize()?;
    let place = root.join(path);
    // The deepest folder that exists tells whether a link on the way leads out.
    let mut existing = place.parent();
    while let Some(parent) = existing {
        match parent.canonicalize() {
            Ok(real) if real.starts_with(&root) => return Ok(place),
            Ok(_) => return Err(refused("lies behind a link that leads out of the file store").into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => existing = parent.parent(),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused("leads out of the file store").into())
}

/// Where a file is written before it gets its name: always the same, so that a writer that died leaves no second one.
fn temporary(place: &Path) -> PathBuf {
    let hash = digest::digest(&digest::SHA256, place.as_os_str().as_encoded_bytes());
    place.with_file_name(format!(".keepsake-{}", hex::encode(hash.as_ref().get(..8).unwrap_or_default())))
}

async fn write_file(
    place: &Path,
    mut bytes: BoxStream<'static, Result<Bytes, PortError>>,
) -> Result<(u64, String), PortError> {
    let folder = place.parent().unwrap_or(Path::new("/"));
    tokio::fs::create_dir_all(folder).await?;
    let temporary = temporary(place);
    let written = async {
        let mut file = tokio::fs::File::create(&temporary).await?;
        let mut context = digest::Context::new(&digest::SHA256);
        let mut length = 0;
        while let Some(piece) = bytes.try_next().await? {
            context.update(&piece);
            length += piece.len() as u64;
            file.write_all(&piece).await?;
        }
        file.flush().await?;
        file.sync_all().await?;
        tokio::fs::rename(&temporary, place).await?;
        tokio::fs::File::open(folder).await?.sync_all().await?;
        Ok((length, hex::encode(context.finish())))
    }
    .await;
    if written.is_err() {
        let _gone_or_never_there = tokio::fs::remove_file(&temporary).await;
    }
    written
}

/// Objects are created, never overwritten: what is there is removed first. It is in the pre-recovery snapshot.
async fn write_object(
    bucket: &DynStore,
    path: &str,
    mut bytes: BoxStream<'static, Result<Bytes, PortError>>,
) -> Result<(u64, String), PortError> {
    let key = Key::parse(path)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut pieces = Vec::new();
    while let Some(piece) = bytes.try_next().await? {
        context.update(&piece);
        pieces.push(piece);
    }
    let payload = Payload::from(pieces);
    let length = payload.len_bytes();
    if length > OBJECT_BYTES_MAX {
        return Err(io::Error::other(format!(
            "{path} is larger than the {OBJECT_BYTES_MAX} bytes that are put in one go"
        ))
        .into());
    }
    bucket.delete(&key).await?;
    bucket.put(&key, payload).await?;
    Ok((length, hex::encode(context.finish())))
}

/// Largest object that is put back into a bucket.
const OBJECT_BYTES_MAX: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    fn stores(folder: &Path) -> FileStores {
        FileStores { folders: BTreeMap::from([("photos".to_owned(), folder.to_owned())]), ..FileStores::default() }
    }

    fn bytes(text: &'static str) -> BoxStream<'static, Result<Bytes, PortError>> {
        stream::iter([Ok(Bytes::from(text))]).boxed()
    }

    #[tokio::test]
    async fn s06_what_a_writer_that_died_left_is_found_by_the_name_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let stores = stores(folder.path());
        // A writer that never ends, as far as its files tell.
        let endless = stream::iter([Ok(Bytes::from("half"))]).chain(stream::pending()).boxed();
        let writing = stores.write("photos", "7/a.jpg", endless);
        tokio::time::timeout(std::time::Duration::from_millis(300), writing).await.unwrap_err();
        let names = || -> Vec<_> {
            std::fs::read_dir(folder.path().join("7")).unwrap().map(|e| e.unwrap().file_name()).collect()
        };
        assert_eq!(names().len(), 1);
        stores.write("photos", "7/b.jpg", bytes("whole")).await.unwrap();
        stores.remove_half("photos", "7/a.jpg").await.unwrap();
        stores.remove_half("photos", "7/a.jpg").await.unwrap();
        assert_eq!(names(), ["b.jpg"]);
    }

    #[tokio::test]
    async fn a_path_never_leads_out_of_its_store() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let stores = stores(&folder.path().join("photos"));
        std::fs::create_dir(folder.path().join("photos")).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("photos/link")).unwrap();
        std::fs::write(elsewhere.path().join("a.jpg"), b"mine").unwrap();
        for path in ["../a.jpg", "/etc/passwd", "", "link/a.jpg", "link/new/a.jpg", "x/../../a.jpg"] {
            stores.write("photos", path, bytes("theirs")).await.unwrap_err();
            stores.remove("photos", path).await.unwrap_err();
        }
        assert_eq!(std::fs::read(elsewhere.path().join("a.jpg")).unwrap(), b"mine");
        let unknown = stores.write("videos", "a.mp4", bytes("x")).await.unwrap_err();
        assert!(unknown.to_string().contains("--files-root"), "{unknown}");
    }
}
