//! A store inside another: every name gets a prefix, every listing loses it.

use crate::{DynStore, Error, Key, ObjectMeta, Payload, Result, Store, port::Features};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use std::ops::Range;

/// The part of a store below a prefix.
#[derive(Debug, Clone)]
pub struct Prefix {
    inner: DynStore,
    prefix: Key,
}

impl Prefix {
    /// What lies below `prefix` in `inner`.
    pub fn new(inner: DynStore, prefix: Key) -> Self {
        Self { inner, prefix }
    }

    fn full(&self, key: &Key) -> Key {
        key.under(&self.prefix)
    }

    fn full_prefix(&self, prefix: Option<&Key>) -> Key {
        prefix.map_or_else(|| self.prefix.clone(), |prefix| self.full(prefix))
    }
}

/// `meta` as seen from below `prefix`.
fn inside(prefix: &Key, mut meta: ObjectMeta) -> Result<ObjectMeta> {
    let Some(key) = meta.key.strip_prefix(prefix) else {
        let reason = format!("the store listed an object outside {prefix}");
        return Err(Error::Permanent { key: meta.key.to_string(), source: reason.into() });
    };
    meta.key = key;
    Ok(meta)
}

#[async_trait::async_trait]
impl Store for Prefix {
    fn location(&self) -> String {
        let inner = self.inner.location();
        match inner.split_once('?') {
            Some((place, settings)) => format!("{}/{}?{settings}", place.trim_end_matches('/'), self.prefix),
            None => format!("{}/{}", inner.trim_end_matches('/'), self.prefix),
        }
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        self.inner.put(&self.full(key), payload).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        self.inner.get(&self.full(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(&self.full(key), range).await
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (meta, stream) = self.inner.get_stream(&self.full(key)).await?;
        Ok((inside(&self.prefix, meta)?, stream))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        inside(&self.prefix, self.inner.head(&self.full(key)).await?)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let outer = self.prefix.clone();
        let listing = self.inner.list(Some(&self.full_prefix(prefix)));
        listing.map(move |meta| inside(&outer, meta?)).boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        self.inner.list_folders(Some(&self.full_prefix(prefix))).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(&self.full(key)).await
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        self.inner.features(&self.full(scratch)).await
    }
}
