//! Reading files straight into the buffer that is handed out.

use super::errno;
use crate::{Error, Key, ObjectMeta, Result, port::WHOLE_OBJECT_MAX_BYTES};
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use rustix::buffer::spare_capacity;
use std::{
    fs::{File, Metadata},
    io,
    ops::Range,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Length of the pieces of a stream.
const PIECE_BYTES: u64 = 1 << 20;
/// Pieces read ahead of the consumer.
const PIECES_AHEAD: usize = 2;

/// Opens an object.
pub(super) fn open(path: &Path, key: &Key) -> Result<(File, ObjectMeta)> {
    let file = File::open(path).map_err(|source| errno::error(key, source))?;
    let metadata = file.metadata().map_err(|source| errno::error(key, source))?;
    if !metadata.is_file() {
        return Err(Error::not_found(key));
    }
    let meta = meta(key.clone(), &metadata)?;
    Ok((file, meta))
}

/// What the file system says of an object.
pub(super) fn meta(key: Key, metadata: &Metadata) -> Result<ObjectMeta> {
    let modified = metadata.modified().map_err(|source| errno::error(&key, source)).and_then(|time| {
        jiff::Timestamp::try_from(time)
            .map_err(|source| Error::Permanent { key: key.to_string(), source: source.into() })
    })?;
    let etag = format!("{:x}-{:x}-{:x}", metadata.ino(), modified.as_nanosecond(), metadata.len());
    Ok(ObjectMeta { key, size_bytes: metadata.len(), modified, etag: Some(etag), version: None })
}

/// The whole object.
pub(super) fn whole(path: &Path, key: &Key) -> Result<Bytes> {
    let (file, meta) = open(path, key)?;
    if meta.size_bytes > WHOLE_OBJECT_MAX_BYTES {
        return Err(Error::TooLarge { key: key.to_string(), size_bytes: meta.size_bytes });
    }
    exactly(&file, key, 0..meta.size_bytes)
}

/// Exactly `range` of the object.
pub(super) fn range(path: &Path, key: &Key, range: Range<u64>) -> Result<Bytes> {
    let (file, meta) = open(path, key)?;
    // Checked before the buffer is reserved: the range may come from damaged data.
    if range.end > meta.size_bytes {
        let got = meta.size_bytes.saturating_sub(range.start);
        return Err(Error::ShortRead { key: key.to_string(), got, expected: range.end - range.start });
    }
    exactly(&file, key, range)
}

/// The object piece by piece, read ahead by a thread of the blocking pool that ends when the stream is dropped.
pub(super) fn stream(file: File, meta: ObjectMeta) -> BoxStream<'static, Result<Bytes>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(PIECES_AHEAD);
    tokio::task::spawn_blocking(move || {
        let mut offset = 0;
        while offset < meta.size_bytes {
            let end = meta.size_bytes.min(offset + PIECE_BYTES);
            let piece = exactly(&file, &meta.key, offset..end);
            let failed = piece.is_err();
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
            offset = end;
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
}

fn exactly(file: &File, key: &Key, range: Range<u64>) -> Result<Bytes> {
    let expected = range.end - range.start;
    let out_of_memory = |_| errno::error(key, io::Error::from(rustix::io::Errno::NOMEM));
    let length =
        usize::try_from(expected).map_err(|source| Error::Permanent { key: key.to_string(), source: source.into() })?;
    let mut bytes: Vec<u8> = Vec::new();
    bytes.try_reserve_exact(length).map_err(out_of_memory)?;
    while bytes.len() < length {
        let offset = range.start + bytes.len() as u64;
        let read = rustix::io::retry_on_intr(|| rustix::io::pread(file, spare_capacity(&mut bytes), offset));
        match read {
            Ok(0) => {
                return Err(Error::ShortRead { key: key.to_string(), got: bytes.len() as u64, expected });
            }
            Ok(_) => {}
            Err(error) => return Err(errno::error(key, error.into())),
        }
    }
    bytes.truncate(length);
    Ok(bytes.into())
}
