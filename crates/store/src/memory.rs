//! A store in memory, for tests, demonstrations and dry runs. Its contents die with it.

use crate::{Error, Key, ObjectMeta, Payload, Result, Store};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, stream, stream::BoxStream};
use keepsake_domain::{Clock, SystemClock};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Debug)]
struct Object {
    bytes: Bytes,
    modified: jiff::Timestamp,
    serial: u64,
}

#[derive(Debug, Default)]
struct Objects {
    by_key: BTreeMap<Key, Object>,
    next_serial: u64,
}

/// Objects in a map. Creates are truly conditional.
#[derive(Debug)]
pub struct Memory {
    clock: Arc<dyn Clock>,
    objects: Mutex<Objects>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// An empty store on the machine's clock.
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// An empty store whose objects get their times from `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock, objects: Mutex::default() }
    }

    /// Puts `bytes` under `key` whatever is there: how tests damage a store behind its users' backs.
    pub fn overwrite(&self, key: &Key, bytes: Bytes) {
        let modified = self.clock.now();
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let serial = objects.next_serial;
        objects.next_serial += 1;
        objects.by_key.insert(key.clone(), Object { bytes, modified, serial });
    }

    /// Sum of the lengths of all objects.
    pub fn stored_bytes(&self) -> u64 {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        objects.by_key.values().map(|object| object.bytes.len() as u64).sum()
    }

    fn read(&self, key: &Key) -> Result<(ObjectMeta, Bytes)> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let object = objects.by_key.get(key).ok_or_else(|| Error::not_found(key))?;
        Ok((meta(key, object), object.bytes.clone()))
    }
}

fn meta(key: &Key, object: &Object) -> ObjectMeta {
    ObjectMeta {
        key: key.clone(),
        size_bytes: object.bytes.len() as u64,
        modified: object.modified,
        etag: Some(object.serial.to_string()),
        version: None,
    }
}

fn joined(payload: Payload) -> Bytes {
    let total = usize::try_from(payload.len_bytes()).unwrap_or(0);
    let mut pieces = payload.into_pieces();
    if pieces.len() == 1 {
        return pieces.pop().unwrap_or_default();
    }
    let mut all = BytesMut::with_capacity(total);
    for piece in &pieces {
        all.extend_from_slice(piece);
    }
    all.freeze()
}

#[async_trait::async_trait]
impl Store for Memory {
    fn location(&self) -> String {
        "memory:".to_owned()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let bytes = joined(payload);
        let modified = self.clock.now();
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if objects.by_key.contains_key(key) {
            return Err(Error::already_exists(key));
        }
        let serial = objects.next_serial;
        objects.next_serial += 1;
        objects.by_key.insert(key.clone(), Object { bytes, modified, serial });
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        Ok(self.read(key)?.1)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let (_, bytes) = self.read(key)?;
        let expected = crate::port::range_len(key, &range)?;
        let size = bytes.len() as u64;
        let start = usize::try_from(range.start.min(size)).unwrap_or(bytes.len());
        let end = usize::try_from(range.end.min(size)).unwrap_or(bytes.len());
        let part = bytes.slice(start..end.max(start));
        if part.len() as u64 == expected {
            Ok(part)
        } else {
            Err(Error::ShortRead { key: key.to_string(), got: part.len() as u64, expected })
        }
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (meta, bytes) = self.read(key)?;
        Ok((meta, stream::iter((!bytes.is_empty()).then_some(Ok(bytes))).boxed()))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        Ok(self.read(key)?.0)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let below = |key: &Key| prefix.is_none_or(|prefix| key.strip_prefix(prefix).is_some());
        let found: Vec<_> =
            objects.by_key.iter().filter(|(key, _)| below(key)).map(|(key, object)| Ok(meta(key, object))).collect();
        stream::iter(found).boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let folders: BTreeSet<Key> = objects
            .by_key
            .keys()
            .filter_map(|key| prefix.map_or_else(|| Some(key.clone()), |prefix| key.strip_prefix(prefix)))
            .filter_map(|rest| Key::parse(rest.as_str().split_once('/')?.0).ok())
            .collect();
        Ok(folders.into_iter().collect())
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).by_key.remove(key);
        Ok(())
    }
}
