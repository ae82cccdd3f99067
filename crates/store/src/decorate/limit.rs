//! How much is asked of a store at once: calls in flight, and bytes a second each way.
//!
//! A call in flight holds a place until it has its answer; streams and listings hold none while they are read, since
//! whoever reads one and writes the other way through the same store would wait for itself.

use crate::{DynStore, Key, ObjectMeta, Payload, Result, Store, port::Features};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// The limits; absent ones do not limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Calls in flight.
    pub calls_max: Option<usize>,
    /// Bytes a second written.
    pub upload_bytes_per_s: Option<u64>,
    /// Bytes a second read.
    pub download_bytes_per_s: Option<u64>,
}

impl Limits {
    /// Whether anything is limited.
    pub fn is_any(&self) -> bool {
        *self != Self::default()
    }
}

/// Paces bytes: each transfer moves the moment at which the next may begin.
#[derive(Debug)]
struct Pace {
    bytes_per_s: u64,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(bytes_per_s: u64) -> Self {
        Self { bytes_per_s: bytes_per_s.max(1), free_at: Mutex::new(None) }
    }

    /// Waits until `bytes` more are within the rate: the first transfer goes at once and makes the next one wait.
    async fn take(&self, bytes: u64) {
        let start = {
            let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let start = free_at.map_or(now, |free_at| free_at.max(now));
            let seconds = Duration::from_secs(bytes / self.bytes_per_s);
            let micros = Duration::from_micros((bytes % self.bytes_per_s).saturating_mul(1_000_000) / self.bytes_per_s);
            *free_at = Some(start + seconds + micros);
            start
        };
        tokio::time::sleep_until(start).await;
    }
}

async fn paced(pace: Option<&Pace>, bytes: u64) {
    if let Some(pace) = pace {
        pace.take(bytes).await;
    }
}

/// A store that is used within limits, however many use it.
#[derive(Debug, Clone)]
pub struct Limited {
    inner: DynStore,
    calls: Option<Arc<Semaphore>>,
    upload: Option<Arc<Pace>>,
    download: Option<Arc<Pace>>,
}

impl Limited {
    /// `inner` within `limits`. Clones share them.
    pub fn new(inner: DynStore, limits: Limits) -> Self {
        let pace = |rate: Option<u64>| rate.map(|rate| Arc::new(Pace::new(rate)));
        Self {
            inner,
            calls: limits.calls_max.map(|most| Arc::new(Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)))),
            upload: pace(limits.upload_bytes_per_s),
            download: pace(limits.download_bytes_per_s),
        }
    }

    async fn place(&self) -> Option<SemaphorePermit<'_>> {
        match &self.calls {
            // Fails only if the semaphore is closed, which nobody does.
            Some(calls) => calls.acquire().await.ok(),
            None => None,
        }
    }
}

#[async_trait::async_trait]
impl Store for Limited {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let _place = self.place().await;
        paced(self.upload.as_deref(), payload.len_bytes()).await;
        self.inner.put(key, payload).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let _place = self.place().await;
        let bytes = self.inner.get(key).await?;
        paced(self.download.as_deref(), bytes.len() as u64).await;
        Ok(bytes)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let _place = self.place().await;
        // Paid for by what came: a range from damaged data may claim any length.
        let bytes = self.inner.get_range(key, range).await?;
        paced(self.download.as_deref(), bytes.len() as u64).await;
        Ok(bytes)
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (meta, inner) = {
            let _place = self.place().await;
            self.inner.get_stream(key).await?
        };
        let Some(pace) = self.download.clone() else { return Ok((meta, inner)) };
        let slowed = inner.then(move |piece| {
            let pace = Arc::clone(&pace);
            async move {
                if let Ok(piece) = &piece {
                    pace.take(piece.len() as u64).await;
                }
                piece
            }
        });
        Ok((meta, slowed.boxed()))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let _place = self.place().await;
        self.inner.head(key).await
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        let _place = self.place().await;
        self.inner.list_folders(prefix).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let _place = self.place().await;
        self.inner.delete(key).await
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        let _place = self.place().await;
        self.inner.features(scratch).await
    }
}
