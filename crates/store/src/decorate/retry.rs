//! Trying again what may pass: with growing, random pauses, and a time limit for each attempt.
//!
//! Everything but creating is repeatable by nature. A create whose answer was lost is not: the second try may meet our
//! own object, or somebody else's. So after a failure of our own, "exists already" is settled by reading the object and
//! comparing it (safety rule S15); without such a failure it is passed on at once.

use crate::{
    DynStore, Error, Key, ObjectMeta, Payload, Result, Store,
    port::{Features, WHOLE_OBJECT_MAX_BYTES},
};
use bytes::Bytes;
use futures::{StreamExt, stream, stream::BoxStream};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::HashSet,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Bytes fetched at once when a broken stream is taken up again.
const RESUMED_PIECE_BYTES: u64 = 8 << 20;
/// What the time limit of [`Store::get`] allows for, as the length is not known before: the longest pack.
const WHOLE_OBJECT_ALLOWANCE_BYTES: u64 = 128 << 20;

/// How often and how patiently calls are repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all, at least 1.
    pub attempts_max: u32,
    /// Upper bound of the first pause; it doubles with each further one. The pause is random between none and this.
    pub pause_first: Duration,
    /// Upper bound of any pause.
    pub pause_max: Duration,
    /// How long an attempt may take before its first byte; `None` for ever.
    pub attempt_time_max: Option<Duration>,
    /// Slowest transfer that is still waited for, in bytes a second: adds to the time of an attempt by its size.
    pub rate_min_bytes_per_s: u64,
    /// Fixes the pauses, for tests.
    pub seed: Option<u64>,
}

impl Default for Policy {
    /// Six attempts over about half a minute; an attempt is given up after 60 s and a second for each 128 KiB.
    fn default() -> Self {
        Self {
            attempts_max: 6,
            pause_first: Duration::from_millis(500),
            pause_max: Duration::from_secs(20),
            attempt_time_max: Some(Duration::from_secs(60)),
            rate_min_bytes_per_s: 128 << 10,
            seed: None,
        }
    }
}

impl Policy {
    /// The same for a disk: no time limits, as a call to the kernel cannot be given up.
    #[must_use]
    pub fn local(&self) -> Self {
        Self { attempt_time_max: None, ..self.clone() }
    }

    fn time_for(&self, bytes: u64) -> Option<Duration> {
        let transfer = Duration::from_secs(bytes / self.rate_min_bytes_per_s.max(1));
        self.attempt_time_max.map(|start| start.saturating_add(transfer))
    }

    /// Upper bound of the pause after attempt `number` (from 1).
    fn pause_bound(&self, number: u32) -> Duration {
        let doubled = 1u32.checked_shl(number.saturating_sub(1)).unwrap_or(u32::MAX);
        self.pause_first.saturating_mul(doubled).min(self.pause_max)
    }
}

/// A policy at work.
#[derive(Debug)]
pub(crate) struct Patience {
    policy: Policy,
    rng: Mutex<StdRng>,
}

#[derive(Debug)]
struct Core {
    inner: DynStore,
    patience: Patience,
}

/// A store whose passing failures are not seen unless they last.
#[derive(Debug, Clone)]
pub struct Retrying {
    core: Arc<Core>,
}

impl Retrying {
    /// `inner`, repeated as `policy` says.
    pub fn new(inner: DynStore, policy: Policy) -> Self {
        Self { core: Arc::new(Core { inner, patience: Patience::new(policy) }) }
    }
}

impl Patience {
    pub(crate) fn new(policy: Policy) -> Self {
        let rng = match policy.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => {
                let mut system = rand::rngs::SysRng;
                StdRng::try_from_rng(&mut system)
                    .unwrap_or_else(|_| StdRng::seed_from_u64(u64::from(std::process::id())))
            }
        };
        Self { policy, rng: Mutex::new(rng) }
    }

    /// Pauses after attempt `number` failed with `error`, or gives the error back if that was the last.
    pub(crate) async fn pause(&self, number: u32, error: Error) -> Result<()> {
        if !error.is_transient() || number >= self.policy.attempts_max {
            return Err(error);
        }
        let bound = self.policy.pause_bound(number);
        let share: f64 = self.rng.lock().unwrap_or_else(PoisonError::into_inner).random();
        let pause = bound.mul_f64(share);
        tracing::debug!(attempt = number, pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX), error = %error, "a call to the store is repeated");
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// One attempt within its time.
    pub(crate) async fn attempt<T>(
        &self,
        key: &str,
        bytes: u64,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let Some(limit) = self.policy.time_for(bytes) else { return call.await };
        match tokio::time::timeout(limit, call).await {
            Ok(answer) => answer,
            Err(_) => {
                let reason = format!("no answer within {} s", limit.as_secs());
                Err(Error::Transient { key: key.to_owned(), source: reason.into() })
            }
        }
    }

    /// Repeats `call` until it succeeds, fails for good, or was tried often enough.
    pub(crate) async fn repeat<T, F>(&self, key: &str, bytes: u64, mut call: impl FnMut() -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let mut number = 0;
        loop {
            number += 1;
            match self.attempt(key, bytes, call()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.pause(number, error).await?,
            }
        }
    }
}

impl Core {
    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let bytes = payload.len_bytes();
        let mut number = 0;
        loop {
            number += 1;
            match self.patience.attempt(key.as_str(), bytes, self.inner.put(key, payload.clone())).await {
                Err(Error::AlreadyExists { .. }) if number > 1 => return self.confirm_ours(key, &payload).await,
                Ok(()) => return Ok(()),
                Err(error) => self.patience.pause(number, error).await?,
            }
        }
    }

    /// Settles whether the object that was met after a failure is the one that we sent.
    async fn confirm_ours(&self, key: &Key, payload: &Payload) -> Result<()> {
        let meta = self.patience.repeat(key.as_str(), 0, || self.inner.head(key)).await?;
        if meta.size_bytes != payload.len_bytes() {
            return Err(Error::already_exists(key));
        }
        let mut at = 0;
        for piece in payload.pieces().iter().filter(|piece| !piece.is_empty()) {
            let range = at..at + piece.len() as u64;
            at = range.end;
            let stored = self.get_range(key, range).await?;
            if stored != piece {
                return Err(Error::already_exists(key));
            }
        }
        Ok(())
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        // A range from damaged data may claim any length; no answer is longer than an object read whole.
        let bytes = range.end.saturating_sub(range.start).min(WHOLE_OBJECT_MAX_BYTES);
        let mut number = 0;
        loop {
            number += 1;
            let error = match self.patience.attempt(key.as_str(), bytes, self.inner.get_range(key, range.clone())).await
            {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            // Cut on its way, or really that short? The second does not pass by waiting.
            if matches!(error, Error::ShortRead { .. })
                && self.patience.repeat(key.as_str(), 0, || self.inner.head(key)).await?.size_bytes < range.end
            {
                return Err(error);
            }
            self.patience.pause(number, error).await?;
        }
    }

    /// The rest of an object whose stream broke at `at`, if it is still the same object.
    async fn resumed(&self, meta: &ObjectMeta, at: u64) -> Result<Bytes> {
        let now = self.patience.repeat(meta.key.as_str(), 0, || self.inner.head(&meta.key)).await?;
        let same = now.size_bytes == meta.size_bytes && now.etag == meta.etag && now.modified == meta.modified;
        if !same {
            let reason = "the object was replaced while it was read";
            return Err(Error::Permanent { key: meta.key.to_string(), source: reason.into() });
        }
        let end = meta.size_bytes.min(at + RESUMED_PIECE_BYTES);
        self.get_range(&meta.key, at..end).await
    }
}

/// A stream that goes on by ranges after its source broke.
struct Resuming {
    core: Arc<Core>,
    meta: ObjectMeta,
    source: Option<BoxStream<'static, Result<Bytes>>>,
    at: u64,
    over: bool,
}

impl Resuming {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        if self.over {
            return None;
        }
        if let Some(source) = &mut self.source {
            let key = self.meta.key.as_str();
            match self.core.patience.attempt(key, 0, async { source.next().await.transpose() }).await {
                Ok(Some(piece)) => {
                    self.at += piece.len() as u64;
                    return Some(Ok(piece));
                }
                Ok(None) if self.at >= self.meta.size_bytes => return None,
                Err(error) if !error.is_transient() => {
                    self.over = true;
                    return Some(Err(error));
                }
                // Broke, or ended before its time without saying so.
                Ok(None) | Err(_) => self.source = None,
            }
        }
        if self.at >= self.meta.size_bytes {
            return None;
        }
        let piece = self.core.resumed(&self.meta, self.at).await;
        match &piece {
            Ok(bytes) => self.at += bytes.len() as u64,
            Err(_) => self.over = true,
        }
        Some(piece)
    }
}

/// A listing that is begun again when it breaks, without what was given out already.
struct Relisting {
    core: Arc<Core>,
    prefix: Option<Key>,
    source: Option<BoxStream<'static, Result<ObjectMeta>>>,
    given: HashSet<Key>,
    failures: u32,
    over: bool,
}

impl Relisting {
    async fn next(&mut self) -> Option<Result<ObjectMeta>> {
        while !self.over {
            let core = Arc::clone(&self.core);
            let source = self.source.get_or_insert_with(|| core.inner.list(self.prefix.as_ref()));
            let shown = self.prefix.as_ref().map_or("*", Key::as_str);
            let item = core.patience.attempt(shown, 0, async { source.next().await.transpose() }).await;
            match item {
                Ok(Some(meta)) => {
                    if self.given.insert(meta.key.clone()) {
                        self.failures = 0;
                        return Some(Ok(meta));
                    }
                }
                Ok(None) => self.over = true,
                Err(error) => {
                    self.source = None;
                    self.failures += 1;
                    if let Err(error) = core.patience.pause(self.failures, error).await {
                        self.over = true;
                        return Some(Err(error));
                    }
                }
            }
        }
        None
    }
}

#[async_trait::async_trait]
impl Store for Retrying {
    fn location(&self) -> String {
        self.core.inner.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        self.core.put(key, payload).await
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        self.core.patience.repeat(key.as_str(), WHOLE_OBJECT_ALLOWANCE_BYTES, || self.core.inner.get(key)).await
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        self.core.get_range(key, range).await
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let (meta, source) = self.core.patience.repeat(key.as_str(), 0, || self.core.inner.get_stream(key)).await?;
        let core = Arc::clone(&self.core);
        let resuming = Resuming { core, meta: meta.clone(), source: Some(source), at: 0, over: false };
        let pieces =
            stream::unfold(resuming, |mut resuming| async move { Some((resuming.next().await?, resuming)) }).boxed();
        Ok((meta, pieces))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        self.core.patience.repeat(key.as_str(), 0, || self.core.inner.head(key)).await
    }

    /// Remembers the names given out (about 150 bytes each), so that a broken listing can begin again.
    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let relisting = Relisting {
            core: Arc::clone(&self.core),
            prefix: prefix.cloned(),
            source: None,
            given: HashSet::new(),
            failures: 0,
            over: false,
        };
        stream::unfold(relisting, |mut relisting| async move { Some((relisting.next().await?, relisting)) }).boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        let shown = prefix.map_or("*", Key::as_str);
        self.core.patience.repeat(shown, 0, || self.core.inner.list_folders(prefix)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.core.patience.repeat(key.as_str(), 0, || self.core.inner.delete(key)).await
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        self.core.patience.repeat(scratch.as_str(), 0, || self.core.inner.features(scratch)).await
    }
}
