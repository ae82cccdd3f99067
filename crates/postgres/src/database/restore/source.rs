//! Reading a capture's files, within limits.

use super::super::{Error, Kind, MANIFEST, Manifest, Result, VERSION};
use crate::capture::{PortError, Source};
use bytes::Bytes;
use futures::{TryStreamExt, stream::BoxStream};
use tokio::io::AsyncWriteExt;

/// Most bytes of a manifest.
const MANIFEST_LIMIT_BYTES: usize = 256 * 1024 * 1024;
/// Most bytes of the archive of definitions.
const ARCHIVE_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;

/// A file that must be there.
pub(super) async fn open(source: &dyn Source, path: &str) -> Result<BoxStream<'static, Result<Bytes, PortError>>> {
    let found = source.open(path).await.map_err(failed(path))?;
    found.ok_or_else(|| Error::damaged(path, "is missing"))
}

/// The source of an error while reading `path`.
pub(super) fn failed(path: &str) -> impl FnOnce(PortError) -> Error {
    let path = path.to_owned();
    move |source| Error::Source { path, source }
}

/// Reads and checks the manifest.
pub(super) async fn manifest(source: &dyn Source) -> Result<Manifest> {
    /// Read before the rest, whose shape depends on them.
    #[derive(serde::Deserialize)]
    struct Head {
        kind: Option<Kind>,
        version: u32,
    }
    let mut stream = open(source, MANIFEST).await?;
    let mut json = Vec::new();
    while let Some(chunk) = stream.try_next().await.map_err(failed(MANIFEST))? {
        if json.len() + chunk.len() > MANIFEST_LIMIT_BYTES {
            return Err(Error::damaged(MANIFEST, "is too large"));
        }
        json.extend_from_slice(&chunk);
    }
    let unreadable = |error: serde_json::Error| Error::damaged(MANIFEST, format!("cannot be read: {error}"));
    let head: Head = serde_json::from_slice(&json).map_err(unreadable)?;
    if head.kind.is_none() {
        return Err(Error::damaged(MANIFEST, "does not describe a whole database"));
    }
    if head.version > VERSION {
        let problem =
            format!("is of version {}, newer than this program (version {VERSION}): use a newer one", head.version);
        return Err(Error::damaged(MANIFEST, problem));
    }
    let manifest: Manifest = serde_json::from_slice(&json).map_err(unreadable)?;
    if super::super::rows::content_hash(&manifest) != manifest.content_hash {
        return Err(Error::damaged(MANIFEST, "contradicts itself: its hash does not fit its tables"));
    }
    Ok(manifest)
}

/// Brings a file of the capture to this machine, for `pg_restore`.
pub(super) async fn download(source: &dyn Source, path: &str) -> Result<tempfile::NamedTempFile> {
    let local = tempfile::NamedTempFile::new().map_err(Error::io("create a temporary file for the definitions"))?;
    let writer = local.reopen().map_err(Error::io("open a temporary file"))?;
    let mut writer = tokio::fs::File::from_std(writer);
    let mut stream = open(source, path).await?;
    let mut size_bytes: u64 = 0;
    while let Some(chunk) = stream.try_next().await.map_err(failed(path))? {
        size_bytes = size_bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if size_bytes > ARCHIVE_LIMIT_BYTES {
            return Err(Error::damaged(path, "is too large"));
        }
        writer.write_all(&chunk).await.map_err(Error::io("write the definitions to a temporary file"))?;
    }
    writer.flush().await.map_err(Error::io("write the definitions to a temporary file"))?;
    Ok(local)
}
