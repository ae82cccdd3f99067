//! What was asked of a store: calls, errors, bytes and time for each operation, as numbers to be exported.

use crate::{DynStore, Key, ObjectMeta, Operation, Payload, Result, Store, port::Features};
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Upper bounds of the latency buckets, in milliseconds; a last bucket takes what is slower.
pub const LATENCY_BOUNDS_MS: [u64; 8] = [1, 5, 20, 100, 500, 2_000, 10_000, 60_000];

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    errors: AtomicU64,
    bytes: AtomicU64,
    latency_sum_us: AtomicU64,
    latency_buckets: [AtomicU64; LATENCY_BOUNDS_MS.len() + 1],
}

/// The numbers of one operation since the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct OperationSnapshot {
    /// Calls that have ended; a stream or listing counts when it was opened.
    pub calls: u64,
    /// Those that failed, and streams and listings that broke later. A missing object is an answer, not an error.
    pub errors: u64,
    /// Bytes written or read.
    pub bytes: u64,
    /// Time spent in all, in microseconds.
    pub latency_sum_us: u64,
    /// Calls by duration, not cumulated: bounds as [`LATENCY_BOUNDS_MS`], and one bucket for slower ones.
    pub latency_buckets: Vec<u64>,
}

/// All counters.
#[derive(Debug, Default)]
pub struct Counts([Counters; Operation::ALL.len()]);

impl Counts {
    /// The numbers of every operation that was called.
    pub fn snapshot(&self) -> BTreeMap<Operation, OperationSnapshot> {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let read = |counters: &Counters| OperationSnapshot {
            calls: of(&counters.calls),
            errors: of(&counters.errors),
            bytes: of(&counters.bytes),
            latency_sum_us: of(&counters.latency_sum_us),
            latency_buckets: counters.latency_buckets.iter().map(of).collect(),
        };
        let all = Operation::ALL.into_iter().zip(self.0.iter().map(read));
        all.filter(|(_, numbers)| numbers.calls > 0).collect()
    }

    fn of(&self, operation: Operation) -> Option<&Counters> {
        Operation::ALL.into_iter().zip(&self.0).find_map(|(each, counters)| (each == operation).then_some(counters))
    }

    fn add_bytes(&self, operation: Operation, bytes: u64) {
        if let Some(counters) = self.of(operation) {
            counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn add_error(&self, operation: Operation) {
        if let Some(counters) = self.of(operation) {
            counters.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn add_call(&self, operation: Operation, took: Duration) {
        let Some(counters) = self.of(operation) else { return };
        counters.calls.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        counters.latency_sum_us.fetch_add(micros, Ordering::Relaxed);
        let slot = LATENCY_BOUNDS_MS.partition_point(|bound| *bound * 1000 < micros);
        if let Some(bucket) = counters.latency_buckets.get(slot) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A store whose use is counted.
#[derive(Debug, Clone)]
pub struct Metered {
    inner: DynStore,
    counts: Arc<Counts>,
}

impl Metered {
    /// Counts the use of `inner`.
    pub fn new(inner: DynStore) -> Self {
        Self { inner, counts: Arc::default() }
    }

    /// The counters, to be read at any time.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    async fn counted<T>(&self, operation: Operation, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let start = Instant::now();
        let answer = call.await;
        self.counts.add_call(operation, start.elapsed());
        if answer.as_ref().is_err_and(|error| !error.is_not_found()) {
            self.counts.add_error(operation);
        }
        answer
    }
}

#[async_trait::async_trait]
impl Store for Metered {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let bytes = payload.len_bytes();
        self.counted(Operation::Put, self.inner.put(key, payload)).await?;
        self.counts.add_bytes(Operation::Put, bytes);
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let bytes = self.counted(Operation::Get, self.inner.get(key)).await?;
        self.counts.add_bytes(Operation::Get, bytes.len() as u64);
        Ok(bytes)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let bytes = self.counted(Operation::GetRange, self.inner.get_range(key, range)).await?;
        self.counts.add_bytes(Operation::GetRange, bytes.len() as u64);
        Ok(bytes)
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (meta, inner) = self.counted(Operation::GetStream, self.inner.get_stream(key)).await?;
        let counts = self.counts();
        let watched = inner.inspect(move |piece| match piece {
            Ok(piece) => counts.add_bytes(Operation::GetStream, piece.len() as u64),
            Err(_) => counts.add_error(Operation::GetStream),
        });
        Ok((meta, watched.boxed()))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.counted(Operation::Head, self.inner.head(key)).await
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let start = Instant::now();
        let inner = self.inner.list(prefix);
        self.counts.add_call(Operation::List, start.elapsed());
        let counts = self.counts();
        let watched = inner.inspect(move |item| {
            if item.is_err() {
                counts.add_error(Operation::List);
            }
        });
        watched.boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        self.counted(Operation::ListFolders, self.inner.list_folders(prefix)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.counted(Operation::Delete, self.inner.delete(key)).await
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        self.inner.features(scratch).await
    }
}
