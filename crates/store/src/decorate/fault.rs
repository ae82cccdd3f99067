//! Seeded trouble: a store that fails, lies and dawdles as told, for tests of everything that stands on one.
//!
//! The same seed and the same order of calls give the same faults. Calls made at the same time reach the dice in any
//! order; a test that needs one certain failure uses [`When::Nth`] with an operation and a part of the name.

use crate::{DynStore, Error, Key, ObjectMeta, Operation, Payload, Result, Store, port::Features};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, future, stream, stream::BoxStream};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call does nothing and fails; trying again may help.
    Transient,
    /// The call does nothing and fails for good.
    Permanent,
    /// The call does nothing: access was refused.
    Denied,
    /// The call does nothing: no space is left.
    NoSpace,
    /// Nothing happens for this long, then the call fails as transient.
    Timeout(Duration),
    /// The call is carried out, but its answer is lost: it fails as transient.
    LostAnswer,
    /// A read fails with [`Error::ShortRead`], a stream after half of its bytes.
    ShortRead,
    /// Half of the bytes, as if they were all: read so, or stored so.
    Truncate,
    /// One random bit is wrong: read so, or stored so.
    FlipBit,
    /// A listing leaves out one in this many objects (at least the first) and says nothing.
    LoseListing(u32),
    /// The call is carried out after this time.
    Slow(Duration),
}

/// Which of the matching calls are hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// Every one.
    Always,
    /// Each with this probability (0 to 1).
    Chance(f64),
    /// The n-th alone, counted from 1.
    Nth(u64),
    /// The n-th and all later ones: the store is gone from then on.
    From(u64),
}

/// One kind of trouble. The first rule that fires decides over a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Calls of this kind only.
    pub operation: Option<Operation>,
    /// Calls whose name or prefix holds this text only.
    pub key_contains: Option<String>,
    /// Which of those.
    pub when: When,
    /// What happens to them.
    pub fault: Fault,
}

impl Rule {
    /// `fault` in calls of `operation`.
    pub fn on(operation: Operation, when: When, fault: Fault) -> Self {
        Self { operation: Some(operation), key_contains: None, when, fault }
    }

    /// `fault` in any call.
    pub fn any(when: When, fault: Fault) -> Self {
        Self { operation: None, key_contains: None, when, fault }
    }

    /// Only where the name holds `text`.
    #[must_use]
    pub fn for_key(self, text: impl Into<String>) -> Self {
        Self { key_contains: Some(text.into()), ..self }
    }

    fn matches(&self, operation: Operation, key: Option<&Key>) -> bool {
        self.operation.is_none_or(|wanted| wanted == operation)
            && self.key_contains.as_deref().is_none_or(|text| key.is_some_and(|key| key.as_str().contains(text)))
    }
}

#[derive(Debug)]
struct State {
    rng: StdRng,
    rules: Vec<(Rule, u64)>,
    calls: Vec<(Operation, Option<Key>)>,
    space_left_bytes: Option<u64>,
}

/// A fault that fired, with the randomness it needs.
type Fired = (Fault, u64);

/// Remembered calls; later ones are not recorded.
const CALLS_MAX: usize = 1_000_000;

/// A store with trouble.
#[derive(Debug)]
pub struct Faulty {
    inner: DynStore,
    state: Mutex<State>,
    injected: AtomicU64,
}

impl Faulty {
    /// `inner`, troubled by `rules`.
    pub fn new(inner: DynStore, seed: u64, rules: Vec<Rule>) -> Arc<Self> {
        let state = State {
            rng: StdRng::seed_from_u64(seed),
            rules: rules.into_iter().map(|rule| (rule, 0)).collect(),
            calls: Vec::new(),
            space_left_bytes: None,
        };
        Arc::new(Self { inner, state: Mutex::new(state), injected: AtomicU64::new(0) })
    }

    /// Other rules from now on, their counts beginning at none.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        self.state().rules = rules.into_iter().map(|rule| (rule, 0)).collect();
    }

    /// Puts fail with [`Error::NoSpace`] once `bytes` more have been stored; `None` for endless space.
    pub fn set_space_left(&self, bytes: Option<u64>) {
        self.state().space_left_bytes = bytes;
    }

    /// How many faults fired.
    pub fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    /// The calls so far in order, to enumerate the points at which something can fail.
    pub fn calls(&self) -> Vec<(Operation, Option<Key>)> {
        self.state().calls.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, operation: Operation, key: Option<&Key>) -> Option<Fired> {
        let mut state = self.state();
        let State { rng, rules, calls, .. } = &mut *state;
        if calls.len() < CALLS_MAX {
            calls.push((operation, key.cloned()));
        }
        let mut fired = None;
        for (rule, count) in rules.iter_mut().filter(|(rule, _)| rule.matches(operation, key)) {
            *count += 1;
            let fires = match rule.when {
                When::Always => true,
                When::Chance(probability) => rng.random_bool(probability.clamp(0.0, 1.0)),
                When::Nth(n) => *count == n,
                When::From(n) => *count >= n,
            };
            if fires && fired.is_none() {
                fired = Some((rule.fault, rng.random()));
            }
        }
        if fired.is_some() {
            self.injected.fetch_add(1, Ordering::Relaxed);
        }
        fired
    }

    fn take_space(&self, key: &Key, bytes: u64) -> Result<()> {
        let mut state = self.state();
        let Some(left) = state.space_left_bytes else { return Ok(()) };
        let Some(rest) = left.checked_sub(bytes) else {
            state.space_left_bytes = Some(0);
            self.injected.fetch_add(1, Ordering::Relaxed);
            return Err(no_space(Some(key)));
        };
        state.space_left_bytes = Some(rest);
        Ok(())
    }
}

fn name(key: Option<&Key>) -> String {
    key.map_or_else(|| "*".to_owned(), Key::to_string)
}

fn transient(key: Option<&Key>, what: &str) -> Error {
    Error::Transient { key: name(key), source: format!("injected: {what}").into() }
}

fn no_space(key: Option<&Key>) -> Error {
    Error::NoSpace { key: name(key), source: "injected: the disk is full".into() }
}

/// Faults that come instead of the call, and delays that come before it.
async fn before(fired: Option<Fired>, key: Option<&Key>) -> Result<()> {
    match fired {
        Some((Fault::Transient, _)) => Err(transient(key, "a passing failure")),
        Some((Fault::Permanent, _)) => {
            Err(Error::Permanent { key: name(key), source: "injected: a lasting failure".into() })
        }
        Some((Fault::Denied, _)) => {
            Err(Error::AccessDenied { key: name(key), source: "injected: access refused".into() })
        }
        Some((Fault::NoSpace, _)) => Err(no_space(key)),
        Some((Fault::Timeout(after), _)) => {
            tokio::time::sleep(after).await;
            Err(transient(key, "a time-out"))
        }
        Some((Fault::Slow(by), _)) => {
            tokio::time::sleep(by).await;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A fault that swallows the answer of a call that was carried out.
fn after<T>(fired: Option<Fired>, key: Option<&Key>, answer: Result<T>) -> Result<T> {
    match fired {
        Some((Fault::LostAnswer, _)) => Err(transient(key, "the answer was lost")),
        _ => answer,
    }
}

fn flipped(bytes: &Bytes, random: u64) -> Bytes {
    let mut changed = BytesMut::from(bytes.as_ref());
    let bits = changed.len() as u64 * 8;
    if bits > 0 {
        let bit = random % bits;
        let position = usize::try_from(bit / 8).unwrap_or(0);
        if let Some(byte) = changed.get_mut(position) {
            *byte ^= 1 << (bit % 8);
        }
    }
    changed.freeze()
}

/// Bytes as the fault leaves them.
fn damage(fired: Option<Fired>, key: &Key, bytes: Bytes) -> Result<Bytes> {
    match fired {
        Some((Fault::Truncate, _)) => Ok(bytes.slice(..bytes.len() / 2)),
        Some((Fault::FlipBit, random)) => Ok(flipped(&bytes, random)),
        Some((Fault::ShortRead, _)) => {
            Err(Error::ShortRead { key: key.to_string(), got: bytes.len() as u64 / 2, expected: bytes.len() as u64 })
        }
        _ => after(fired, Some(key), Ok(bytes)),
    }
}

fn damage_payload(fired: Option<Fired>, payload: Payload) -> Payload {
    if !matches!(fired, Some((Fault::Truncate | Fault::FlipBit, _))) {
        return payload;
    }
    let all: Bytes = payload.pieces().iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>().into();
    match fired {
        Some((Fault::Truncate, _)) => all.slice(..all.len() / 2).into(),
        Some((_, random)) => flipped(&all, random).into(),
        None => all.into(),
    }
}

/// The first `limit` bytes of a stream.
fn first_bytes(inner: BoxStream<'static, Result<Bytes>>, limit: u64) -> BoxStream<'static, Result<Bytes>> {
    let pieces = stream::unfold((inner, limit), |(mut inner, left)| async move {
        if left == 0 {
            return None;
        }
        let piece = match inner.next().await? {
            Ok(piece) => piece,
            Err(error) => return Some((Err(error), (inner, 0))),
        };
        let keep = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        Some((Ok(piece.slice(..keep)), (inner, left - keep as u64)))
    });
    pieces.boxed()
}

/// The stream with its fault: cut with or without an error, or one bit changed in its first piece.
fn damage_stream(
    fired: Option<Fired>,
    meta: &ObjectMeta,
    inner: BoxStream<'static, Result<Bytes>>,
) -> BoxStream<'static, Result<Bytes>> {
    let half = meta.size_bytes / 2;
    match fired {
        Some((Fault::Truncate, _)) => first_bytes(inner, half),
        Some((Fault::ShortRead, _)) => {
            let error = Error::ShortRead { key: meta.key.to_string(), got: half, expected: meta.size_bytes };
            first_bytes(inner, half).chain(stream::iter([Err(error)])).boxed()
        }
        Some((Fault::FlipBit, random)) => {
            let mut first = true;
            let changed = inner.map(move |piece| {
                let piece = piece?;
                Ok(if std::mem::take(&mut first) { flipped(&piece, random) } else { piece })
            });
            changed.boxed()
        }
        _ => inner,
    }
}

#[async_trait::async_trait]
impl Store for Faulty {
    fn location(&self) -> String {
        self.inner.location()
    }

    async fn put(&self, key: &Key, payload: Payload) -> Result<()> {
        let fired = self.decide(Operation::Put, Some(key));
        before(fired, Some(key)).await?;
        self.take_space(key, payload.len_bytes())?;
        let done = self.inner.put(key, damage_payload(fired, payload)).await;
        after(fired, Some(key), done)
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let fired = self.decide(Operation::Get, Some(key));
        before(fired, Some(key)).await?;
        damage(fired, key, self.inner.get(key).await?)
    }

    async fn get_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes> {
        let fired = self.decide(Operation::GetRange, Some(key));
        before(fired, Some(key)).await?;
        damage(fired, key, self.inner.get_range(key, range).await?)
    }

    async fn get_stream(&self, key: &Key) -> Result<(ObjectMeta, BoxStream<'static, Result<Bytes>>)> {
        let fired = self.decide(Operation::GetStream, Some(key));
        before(fired, Some(key)).await?;
        let (meta, inner) = after(fired, Some(key), self.inner.get_stream(key).await)?;
        let damaged = damage_stream(fired, &meta, inner);
        Ok((meta, damaged))
    }

    async fn head(&self, key: &Key) -> Result<ObjectMeta> {
        let fired = self.decide(Operation::Head, Some(key));
        before(fired, Some(key)).await?;
        after(fired, Some(key), self.inner.head(key).await)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let fired = self.decide(Operation::List, prefix);
        let (prefix, listing) = (prefix.cloned(), self.inner.list(prefix));
        let mut position = 0u32;
        let kept = listing.filter(move |_| {
            let lost = matches!(fired, Some((Fault::LoseListing(one_in), _)) if position.is_multiple_of(one_in.max(1)));
            position = position.wrapping_add(1);
            future::ready(!lost)
        });
        let opening = async move {
            match before(fired, prefix.as_ref()).await {
                Ok(()) if matches!(fired, Some((Fault::LostAnswer | Fault::ShortRead, _))) => {
                    // What was lost of a listing is its end.
                    let end = Err(transient(prefix.as_ref(), "the listing broke off"));
                    kept.take(1).chain(stream::iter([end])).boxed()
                }
                Ok(()) => kept.boxed(),
                Err(error) => stream::iter([Err(error)]).boxed(),
            }
        };
        stream::once(opening).flatten().boxed()
    }

    async fn list_folders(&self, prefix: Option<&Key>) -> Result<Vec<Key>> {
        let fired = self.decide(Operation::ListFolders, prefix);
        before(fired, prefix).await?;
        let mut folders = after(fired, prefix, self.inner.list_folders(prefix).await)?;
        if let Some((Fault::LoseListing(one_in), _)) = fired {
            let mut position = 0u32;
            folders.retain(|_| {
                let lost = position.is_multiple_of(one_in.max(1));
                position = position.wrapping_add(1);
                !lost
            });
        }
        Ok(folders)
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let fired = self.decide(Operation::Delete, Some(key));
        before(fired, Some(key)).await?;
        after(fired, Some(key), self.inner.delete(key).await)
    }

    async fn features(&self, scratch: &Key) -> Result<Features> {
        self.inner.features(scratch).await
    }
}
