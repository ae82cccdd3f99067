//! The files that rows name, wherever they are: in folders or in buckets, as the mapping says or as the caller overrides.

use crate::error::{Code, Error, Result};
use futures::{StreamExt, TryStreamExt};
use keepsake_domain::Clock;
use keepsake_postgres::{
    capture::{Directories, FileMeta, FileStore, OpenFile, PortError},
    mapping::Mapping,
};
use keepsake_store::{DynStore, Key, Location, ObjectMeta, Options};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

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
        let invalid = |error| Error::because(Code::StorageInvalid, format!("the file store `{store}` cannot be used"), error);
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
