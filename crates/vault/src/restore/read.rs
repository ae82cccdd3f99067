//! One file of a snapshot as a stream.

use super::{
    Error, Result,
    fetch::open_blob,
    plan::{chain, relative},
};
use crate::{
    Vault,
    engine::Engine,
    file,
    id::Id,
    index::Location,
    pack,
    snapshot::Snapshot,
    tree::{Kind, Node},
    vault::Indexed,
};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use std::{os::unix::ffi::OsStrExt, path::Path};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;

/// Blobs read ahead of the consumer: memory for a stream is at most so many times 8 MiB.
const READ_AHEAD: usize = 4;

impl Vault<Indexed> {
    /// What the snapshot has at `path`; `None` if nothing. A leading `/` is optional.
    ///
    /// # Errors
    /// [`Error::Vault`] if a folder's listing cannot be read, [`Error::Cancelled`].
    pub async fn node(
        &self,
        snapshot: &Snapshot,
        path: impl AsRef<Path>,
        cancel: &CancellationToken,
    ) -> Result<Option<Node>> {
        let path = relative(path.as_ref());
        let mut tree = Some(snapshot.tree);
        let mut found = None;
        for name in &path {
            let Some(id) = tree else { return Ok(None) };
            let listing = self.read_tree(&id, cancel).await?;
            let Some(node) = listing.find(name.as_bytes()) else { return Ok(None) };
            tree = node.subtree;
            found = Some(node.clone());
        }
        Ok(found)
    }

    /// The content of one file, in order, each blob verified. A few blobs are read ahead; dropping the stream stops it.
    ///
    /// # Errors
    /// [`Error::NoFile`] if there is no file at `path`; the stream ends with [`Error::Vault`] at a damaged blob.
    pub async fn read(
        &self,
        engine: &Engine,
        snapshot: &Snapshot,
        path: impl AsRef<Path>,
        cancel: &CancellationToken,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        let path = path.as_ref();
        let node = self.node(snapshot, path, cancel).await?.filter(|node| node.kind == Kind::File);
        let content = node.and_then(|node| node.content);
        let content = content.ok_or_else(|| Error::NoFile { path: path.display().to_string() })?;
        let (vault, engine, cancel) = (self.clone(), engine.clone(), cancel.clone());
        let fetch = move |id: Id| {
            let (vault, engine, cancel) = (vault.clone(), engine.clone(), cancel.clone());
            async move { fetch(&vault, &engine, id, &cancel).await }
        };
        Ok(futures::stream::iter(content).map(fetch).buffered(READ_AHEAD).boxed())
    }

    /// Writes the content of one file to `writer`, and returns its length.
    ///
    /// # Errors
    /// As [`read`](Self::read); [`Error::Write`] if `writer` fails.
    pub async fn dump(
        &self,
        engine: &Engine,
        snapshot: &Snapshot,
        path: impl AsRef<Path>,
        writer: &mut (impl AsyncWrite + Unpin + Send),
        cancel: &CancellationToken,
    ) -> Result<u64> {
        let mut pieces = self.read(engine, snapshot, path, cancel).await?;
        let mut length_bytes = 0;
        while let Some(piece) = pieces.try_next().await? {
            writer.write_all(&piece).await.map_err(Error::Write)?;
            length_bytes += piece.len() as u64;
        }
        writer.flush().await.map_err(Error::Write)?;
        Ok(length_bytes)
    }
}

async fn fetch(vault: &Vault<Indexed>, engine: &Engine, id: Id, cancel: &CancellationToken) -> Result<Bytes> {
    let place = vault.index().lookup(pack::Kind::Data, &id);
    let Location { pack, entry } = place.ok_or(crate::Error::MissingBlob { kind: pack::Kind::Data, id })?;
    let admission = engine.admit(u64::from(entry.length) + u64::from(entry.plaintext_bytes()), cancel).await?;
    let transfer = engine.transfer(cancel).await?;
    let key = file::Kind::Pack.key(&pack);
    let got = cancel.run_until_cancelled(vault.store().get_range(&key, entry.range())).await.ok_or(Error::Cancelled)?;
    drop(transfer);
    if let Ok(bytes) = got {
        let (send, answer) = oneshot::channel();
        let (vault, mut bytes) =
            (vault.clone(), bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..])));
        engine.run(move |scratch| {
            let plain = open_blob(&vault, scratch, &entry, &mut bytes).map(Bytes::copy_from_slice);
            drop(admission);
            let _unheard_if_the_stream_was_dropped = send.send(plain);
        });
        match answer.await.map_err(|_| Error::Lost)? {
            Ok(plain) => return Ok(plain),
            Err(damage) => tracing::debug!(error = chain(&damage), "a blob is damaged; it is looked for elsewhere"),
        }
    }
    Ok(vault.read_blob(pack::Kind::Data, &id, cancel).await?.into())
}
