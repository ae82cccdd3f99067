//! A provider that answers a create-only put with success and overwrites all the same, as some do. For tests of what
//! must not trust one.

use crate::{DynStore, Key, ObjectMeta, Payload, Result, Store, port::Features};
use bytes::Bytes;
use futures::stream::BoxStream;
use std::ops::Range;

/// A store whose creates are not conditional.
#[derive(Debug, Clone)]
pub struct Lying {
    inner: DynStore,
}

impl Lying {
    /// Takes the condition off every put into `inner`.
    pub fn new(inner: DynStore) -> Self {
        Self { inner }
    }
}

#[async_trait::async_trait]
impl Store for Lying {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        self.inner.delete(key).await?;
        self.inner.put(key, payload).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        self.inner.get(key).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(key, range).await
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        self.inner.get_stream(key).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.inner.head(key).await
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        self.inner.list_folders(prefix).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        self.inner.features(scratch).await
    }
}
