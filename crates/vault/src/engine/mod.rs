//! What all running jobs of a process share: a fixed pool of CPU threads, a memory budget and a limit on uploads.
//!
//! Fifty backups at once must not need fifty times the memory or the threads of one, so nothing in the pipeline owns
//! threads or large buffers of its own: it asks the [`Engine`]. Work is *admitted* before it is queued
//! ([`Engine::admit`]): the caller waits, asynchronously, until its bytes fit the budget, and from then on the work
//! never waits for memory again, so CPU threads never block and admitted work always ends. When the budget is full the
//! engine asks the session that holds most bytes in unfinished packs to finish one; its upload frees the memory. That is
//! why no budget, however small, can dead-lock (a single piece of work larger than all of it is admitted alone).
//!
//! It knows nothing of vaults: `backup` and `restore` bring the work.

mod budget;
mod buffer;
pub mod failpoint;
mod pool;
mod progress;

pub use budget::{Admission, Hold, Reclaim, Shipment};
pub use buffer::Buffer;
pub use pool::Scratch;
pub use progress::{Phase, Progress};

use budget::Budget;
use buffer::Shelf;
use std::sync::{Arc, Weak};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// How much of the machine the engine may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineConfig {
    /// Threads that hash, compress and encrypt.
    pub cpu_threads: usize,
    /// Bytes of file content and unfinished packs held in memory by all jobs together.
    pub memory_bytes: u64,
    /// Objects written or read at the same time by all jobs together.
    pub transfers: usize,
}

impl Default for EngineConfig {
    /// All cores, 128 MiB, and transfers enough to hide the latency of an object store.
    fn default() -> Self {
        let cpu_threads = std::thread::available_parallelism().map_or(2, std::num::NonZeroUsize::get);
        Self { cpu_threads, memory_bytes: 128 << 20, transfers: 8 }
    }
}

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the engine's threads cannot be started: check the limit on processes")]
pub struct StartError(#[from] std::io::Error);

/// The work was not done because the caller asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// The shared engine. Cheap to clone; its threads end with the last clone.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: EngineConfig,
    pool: pool::Pool,
    budget: Arc<Budget>,
    shelf: Arc<Shelf>,
    transfers: Arc<Semaphore>,
}

impl Engine {
    /// Starts the threads. Values of zero are taken as one.
    ///
    /// # Errors
    /// [`StartError`] if the system refuses the threads.
    pub fn new(config: EngineConfig) -> Result<Self, StartError> {
        let budget = Arc::new(Budget::new(config.memory_bytes.max(1)));
        let transfers = config.transfers.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Self(Arc::new(Inner {
            config,
            pool: pool::Pool::start(config.cpu_threads.max(1))?,
            shelf: Arc::new(Shelf::new(Arc::clone(&budget))),
            budget,
            transfers: Arc::new(Semaphore::new(transfers)),
        })))
    }

    /// What the engine was started with.
    pub fn config(&self) -> EngineConfig {
        self.0.config
    }

    /// Waits until work on `bytes` of content fits the budget. The work holds the [`Admission`] until it is done.
    ///
    /// # Errors
    /// [`Cancelled`] once `cancel` is.
    pub async fn admit(&self, bytes: u64, cancel: &CancellationToken) -> Result<Admission, Cancelled> {
        self.0.budget.admit(bytes, cancel).await
    }

    /// As [`admit`](Self::admit), but never waits: `None` if it does not fit at this moment.
    pub fn try_admit(&self, bytes: u64) -> Option<Admission> {
        self.0.budget.try_admit(bytes)
    }

    /// Queues work for the CPU threads. Callers admit it first, which is what bounds the queue.
    pub fn run(&self, work: impl FnOnce(&mut Scratch) + Send + 'static) {
        self.0.pool.run(Box::new(work));
    }

    /// An empty buffer for at least `capacity` bytes, recycled if there is one. It counts against the budget until the
    /// last reference to its bytes is gone.
    pub fn buffer(&self, capacity: usize) -> Buffer {
        Shelf::take(&self.0.shelf, capacity, true)
    }

    /// As [`buffer`](Self::buffer) for content on its way in, which an [`Admission`] or a [`Hold`] accounts for.
    pub fn input_buffer(&self, capacity: usize) -> Buffer {
        Shelf::take(&self.0.shelf, capacity, false)
    }

    /// Memory for a long chunk that is still being gathered; `None` if too many are. The caller then ends its chunk
    /// early instead of waiting.
    pub fn try_hold(&self, bytes: u64) -> Option<Hold> {
        self.0.budget.try_hold(bytes)
    }

    /// Waits for the right to transfer one more object.
    ///
    /// # Errors
    /// [`Cancelled`] once `cancel` is.
    pub async fn transfer(&self, cancel: &CancellationToken) -> Result<tokio::sync::OwnedSemaphorePermit, Cancelled> {
        let permit = Arc::clone(&self.0.transfers).acquire_owned();
        cancel.run_until_cancelled(permit).await.and_then(Result::ok).ok_or(Cancelled)
    }

    /// Counts a finished pack as on its way to the store, until the shipment is dropped.
    pub fn ship(&self) -> Shipment {
        self.0.budget.ship()
    }

    /// Makes a session known that can give memory back.
    pub fn register(&self, session: Weak<dyn Reclaim>) {
        self.0.budget.register(session);
    }

    /// Bytes in use now: buffers that live and work that was admitted.
    pub fn used_bytes(&self) -> u64 {
        self.0.budget.used_bytes()
    }

    /// The most bytes that were in use at one time.
    pub fn peak_bytes(&self) -> u64 {
        self.0.budget.peak_bytes()
    }
}
