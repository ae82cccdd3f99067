//! How a capture or restore of a whole database is run: its limits, how it is stopped, and how it tells of its progress.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Most connections that carry rows at one time. One more holds the snapshot and watches, which makes the four that
/// safety rule S11 allows.
pub const MOST_JOBS: usize = 3;

/// Receives progress; called often, from several tasks, and expected to return at once.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the catalog, or creating tables, types and functions.
    Definitions,
    /// Moving rows.
    Rows,
    /// Moving large objects.
    LargeObjects,
    /// Reading restored rows back and comparing them with the capture.
    Proof,
    /// Building indexes, constraints and the rest that comes after the rows.
    Indexes,
    /// Settings, statistics and clearing up.
    Finishing,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes of rows moved.
    pub done_bytes: u64,
    /// Bytes of rows to move: exact at restore, the heap's size (an estimate) at capture.
    pub total_bytes: u64,
    /// Tables finished.
    pub done_tables: u64,
    /// Tables in all.
    pub total_tables: u64,
}

/// What a capture does about something that none of its files would carry (safety rule S12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Uncarried {
    /// Fail, naming it.
    #[default]
    Refuse,
    /// Go on, name it in the manifest and mark the capture incomplete.
    Name,
}

/// Whether a restore gives objects their owners and privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ownership {
    /// As in the source; every role must exist and be usable.
    #[default]
    Keep,
    /// All belongs to the restoring role, and privileges are left out.
    Skip,
}

/// Options of a capture or restore.
#[derive(Clone)]
pub struct Options {
    /// Connections that carry rows at the same time, 1 to [`MOST_JOBS`].
    pub jobs: usize,
    /// Ends the run, leaving no half-made capture behind.
    pub cancel: CancellationToken,
    /// Told of progress.
    pub progress: Option<Listener>,
    /// How long a schema change may wait for a capture before the capture gives way.
    pub ddl_patience: Duration,
    /// How old a capture's snapshot may become on a primary.
    pub snapshot_limit: Duration,
    /// What a capture does about what it cannot carry.
    pub uncarried: Uncarried,
    /// What a restore does about owners and privileges.
    pub ownership: Ownership,
    /// Folder of `pg_dump` and `pg_restore`; without it they are looked for.
    pub programs: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 2,
            cancel: CancellationToken::new(),
            progress: None,
            ddl_patience: Duration::from_secs(5),
            snapshot_limit: Duration::from_secs(30 * 60),
            uncarried: Uncarried::default(),
            ownership: Ownership::default(),
            programs: None,
        }
    }
}

impl Options {
    /// `jobs` within its limits.
    pub(super) fn workers(&self) -> usize {
        self.jobs.clamp(1, MOST_JOBS)
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("jobs", &self.jobs)
            .field("ddl_patience", &self.ddl_patience)
            .field("snapshot_limit", &self.snapshot_limit)
            .field("uncarried", &self.uncarried)
            .field("ownership", &self.ownership)
            .field("programs", &self.programs)
            .finish_non_exhaustive()
    }
}
