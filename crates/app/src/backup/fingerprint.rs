//! Whether a capture is the same as the one before: a hash over everything in it but the two documents that say when it was taken.
//!
//! Rows are hashed as they are written into the vault; of files the manifest has the hash already. Captures are ordered, so the same
//! data give the same text.

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use keepsake_postgres::capture::{FileSink, Manifest, PortError, Sink};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// They say when the capture was taken.
const DATED: [&str; 2] = ["manifest.json", "RESTORE.md"];
const FILES: &str = "files/";

/// Hashes of what passed, by path.
#[derive(Debug, Clone, Default)]
pub(super) struct Fingerprint(Arc<Mutex<BTreeMap<String, String>>>);

impl Fingerprint {
    /// A sink that writes into `into` and is hashed on the way.
    pub(super) fn over(&self, into: Box<dyn Sink>) -> Hashed {
        Hashed { into, of: self.clone() }
    }

    /// The fingerprint, once everything has passed: hex.
    pub(super) fn of(&self, manifest: &Manifest) -> String {
        let paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (path, hash) in paths.iter() {
            text.push_str(&format!("{hash} {path}\0"));
        }
        for file in &manifest.files {
            let hash = file.sha256.as_deref().unwrap_or("-");
            text.push_str(&format!("{hash} {:?} {} {}\0", file.state, file.store, file.path));
        }
        hex::encode(digest(&SHA256, text.as_bytes()))
    }
}

/// See [`Fingerprint::over`].
pub(super) struct Hashed {
    into: Box<dyn Sink>,
    of: Fingerprint,
}

#[async_trait::async_trait]
impl Sink for Hashed {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        let into = self.into.create(path).await?;
        if DATED.contains(&path) || path.starts_with(FILES) {
            return Ok(into);
        }
        Ok(Box::new(Hashing { into, path: path.to_owned(), hash: Context::new(&SHA256), of: self.of.clone() }))
    }
}

struct Hashing {
    into: Box<dyn FileSink>,
    path: String,
    hash: Context,
    of: Fingerprint,
}

#[async_trait::async_trait]
impl FileSink for Hashing {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.hash.update(&bytes);
        self.into.write(bytes).await
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        self.into.finish().await?;
        let hash = hex::encode(self.hash.finish());
        self.of.0.lock().unwrap_or_else(PoisonError::into_inner).insert(self.path, hash);
        Ok(())
    }
}
