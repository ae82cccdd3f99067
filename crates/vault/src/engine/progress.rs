//! How far a job is, as counters that anyone may read at any time.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// What a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nothing yet.
    Waiting,
    /// Looking at what there is: listing folders, planning.
    Planning,
    /// Moving content.
    Transferring,
    /// Writing trees, index and snapshot, or times and modes.
    Finishing,
    /// Ended well.
    Done,
}

/// Counters of one job. Relaxed: for people, not for decisions.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of content dealt with.
    pub bytes_done: AtomicU64,
    /// Bytes of content found so far; grows while a backup is still looking.
    pub bytes_total: AtomicU64,
    /// Files dealt with.
    pub files_done: AtomicU64,
    /// Files found so far.
    pub files_total: AtomicU64,
    /// Bytes written to (backup) or read from (restore) the store.
    pub bytes_stored: AtomicU64,
    phase: AtomicU8,
}

impl Progress {
    /// What the job is doing now.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Relaxed) {
            0 => Phase::Waiting,
            1 => Phase::Planning,
            2 => Phase::Transferring,
            3 => Phase::Finishing,
            _ => Phase::Done,
        }
    }

    /// Back to the beginning, for a job that is done once more. What was written to the store stays counted.
    pub fn restart(&self) {
        for counter in [&self.bytes_done, &self.bytes_total, &self.files_done, &self.files_total] {
            counter.store(0, Relaxed);
        }
        self.enter(Phase::Waiting);
    }

    /// Says what the job is doing now: for callers whose own work is around that of an operation.
    pub fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::Waiting => 0,
            Phase::Planning => 1,
            Phase::Transferring => 2,
            Phase::Finishing => 3,
            Phase::Done => 4,
        };
        self.phase.store(number, Relaxed);
    }

    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_read_back_as_they_were_entered() {
        let progress = Progress::default();
        assert_eq!(progress.phase(), Phase::Waiting);
        for phase in [Phase::Planning, Phase::Transferring, Phase::Finishing, Phase::Done] {
            progress.enter(phase);
            assert_eq!(progress.phase(), phase);
        }
    }
}
