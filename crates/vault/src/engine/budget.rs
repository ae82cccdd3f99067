//! The memory budget: a gauge of bytes in use, and a door at which new work waits.

use super::Cancelled;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A session that holds memory in unfinished packs.
pub trait Reclaim: Send + Sync + std::fmt::Debug {
    /// Bytes held in packs that could be finished now.
    fn reclaimable_bytes(&self) -> u64;

    /// Finishes the fullest pack and starts its upload. `false` if there was none.
    fn reclaim(&self) -> bool;
}

/// How often a waiter looks again although nobody woke it; a guard against lost wake-ups, not the normal path.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The part of the budget, one in so many, that is kept for chunks being gathered.
const HELD_PART: u64 = 4;

/// The part of the budget, one in so many, that open packs may fill before they are finished early.
const OPEN_PACKS_PART: u64 = 2;

#[derive(Debug, Default)]
struct Gauge {
    /// Bytes of living buffers.
    used: u64,
    /// Bytes that admitted work may still come to need.
    admitted: u64,
    /// Bytes of long chunks that are still being gathered.
    held: u64,
    /// Packs on their way to the store.
    shipping: u64,
    peak: u64,
}

impl Gauge {
    fn total(&self) -> u64 {
        self.used + self.admitted + self.held
    }

    fn mark(&mut self) {
        self.peak = self.peak.max(self.total());
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    gauge: Mutex<Gauge>,
    freed: Notify,
    /// One waiter at a time tries the door, so that large work is not starved by small.
    door: tokio::sync::Mutex<()>,
    sessions: Mutex<Vec<Weak<dyn Reclaim>>>,
}

/// The right of one piece of work to its memory. Gives it back when dropped.
#[derive(Debug)]
pub struct Admission {
    budget: Arc<Budget>,
    bytes: u64,
}

/// Memory for a chunk that is being gathered, from a pot of its own: its owner may wait for other work to be admitted
/// meanwhile, and would wait for itself if both came from one pot.
#[derive(Debug)]
pub struct Hold {
    budget: Arc<Budget>,
    bytes: u64,
}

/// A pack on its way to the store, whose memory comes back when it is there. Counted until dropped.
#[derive(Debug)]
pub struct Shipment(Arc<Budget>);

impl Drop for Shipment {
    fn drop(&mut self) {
        let mut gauge = self.0.gauge();
        gauge.shipping = gauge.shipping.saturating_sub(1);
        drop(gauge);
        self.0.freed.notify_waiters();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut gauge = self.budget.gauge();
        gauge.held = gauge.held.saturating_sub(self.bytes);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut gauge = self.budget.gauge();
        gauge.admitted = gauge.admitted.saturating_sub(self.bytes);
        drop(gauge);
        self.budget.freed.notify_waiters();
    }
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            gauge: Mutex::default(),
            freed: Notify::new(),
            door: tokio::sync::Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    fn gauge(&self) -> MutexGuard<'_, Gauge> {
        self.gauge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.gauge().total()
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.gauge().peak
    }

    /// Counts a buffer that was made; never waits.
    pub(super) fn grow(&self, bytes: u64) {
        let mut gauge = self.gauge();
        gauge.used += bytes;
        gauge.mark();
    }

    /// Counts a buffer that is gone.
    pub(super) fn shrink(&self, bytes: u64) {
        let mut gauge = self.gauge();
        gauge.used = gauge.used.saturating_sub(bytes);
        drop(gauge);
        self.freed.notify_waiters();
    }

    pub(super) fn try_admit(self: &Arc<Self>, bytes: u64) -> Option<Admission> {
        let mut gauge = self.gauge();
        let in_use = gauge.used + gauge.admitted;
        // Work larger than the whole budget goes in alone, or it would never.
        if in_use != 0 && in_use + bytes > self.limit - self.limit / HELD_PART {
            return None;
        }
        gauge.admitted += bytes;
        gauge.mark();
        drop(gauge);
        Some(Admission { budget: Arc::clone(self), bytes })
    }

    pub(super) fn try_hold(self: &Arc<Self>, bytes: u64) -> Option<Hold> {
        let mut gauge = self.gauge();
        if gauge.held + bytes > self.limit / HELD_PART {
            return None;
        }
        gauge.held += bytes;
        gauge.mark();
        drop(gauge);
        Some(Hold { budget: Arc::clone(self), bytes })
    }

    pub(super) fn ship(self: &Arc<Self>) -> Shipment {
        self.gauge().shipping += 1;
        Shipment(Arc::clone(self))
    }

    pub(super) async fn admit(
        self: &Arc<Self>,
        bytes: u64,
        cancel: &CancellationToken,
    ) -> Result<Admission, Cancelled> {
        if cancel.is_cancelled() {
            return Err(Cancelled);
        }
        cancel.run_until_cancelled(self.wait_at_the_door(bytes)).await.ok_or(Cancelled)
    }

    async fn wait_at_the_door(self: &Arc<Self>, bytes: u64) -> Admission {
        let _turn = self.door.lock().await;
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // Listening begins before the look, so that nothing freed in between is missed.
            freed.as_mut().enable();
            if let Some(admission) = self.try_admit(bytes) {
                return admission;
            }
            self.reclaim();
            let _woken_or_time_to_look = tokio::time::timeout(LOOK_AGAIN, freed).await;
        }
    }

    pub(super) fn register(&self, session: Weak<dyn Reclaim>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|known| known.strong_count() > 0);
        sessions.push(session);
    }

    /// Asks the session that holds most to finish a pack, where open packs are what stands in the way: work and uploads in
    /// progress end by themselves and give their memory back, and a pack finished early costs its store one more object. What is
    /// being uploaded already is not asked for twice: a session counts only packs that are still open.
    fn reclaim(&self) {
        let sessions: Vec<Arc<dyn Reclaim>> = {
            let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.iter().filter_map(Weak::upgrade).collect()
        };
        let open: Vec<u64> = sessions.iter().map(|session| session.reclaimable_bytes()).collect();
        let in_progress = {
            let gauge = self.gauge();
            gauge.admitted > 0 || gauge.shipping > 0
        };
        if in_progress && open.iter().sum::<u64>() <= self.limit / OPEN_PACKS_PART {
            return;
        }
        if let Some((session, 1..)) = sessions.iter().zip(open).max_by_key(|(_, bytes)| *bytes) {
            session.reclaim();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_waits_until_memory_is_free() {
        let budget = Arc::new(Budget::new(134));
        let cancel = CancellationToken::new();
        let first = budget.admit(80, &cancel).await.unwrap();
        assert!(budget.try_admit(30).is_none());
        let second = tokio::spawn({
            let (budget, cancel) = (Arc::clone(&budget), cancel.clone());
            async move { budget.admit(30, &cancel).await.map(|admission| admission.bytes) }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        assert_eq!(second.await.unwrap(), Ok(30));
        assert_eq!((budget.used_bytes(), budget.peak_bytes()), (0, 80));
    }

    #[tokio::test]
    async fn work_larger_than_the_budget_goes_in_alone() {
        let budget = Arc::new(Budget::new(10));
        let huge = budget.admit(1_000, &CancellationToken::new()).await.unwrap();
        assert!(budget.try_admit(1).is_none());
        drop(huge);
        assert!(budget.try_admit(1).is_some());
    }

    #[tokio::test]
    async fn a_full_budget_takes_from_the_session_that_holds_most() {
        #[derive(Debug)]
        struct Session(Arc<Budget>, Mutex<u64>);
        impl Reclaim for Session {
            fn reclaimable_bytes(&self) -> u64 {
                *self.1.lock().unwrap()
            }
            fn reclaim(&self) -> bool {
                self.0.shrink(std::mem::take(&mut *self.1.lock().unwrap()));
                true
            }
        }
        let budget = Arc::new(Budget::new(134));
        let small = Arc::new(Session(Arc::clone(&budget), Mutex::new(20)));
        let large = Arc::new(Session(Arc::clone(&budget), Mutex::new(70)));
        budget.grow(90);
        budget.register(Arc::downgrade(&(small.clone() as Arc<dyn Reclaim>)));
        budget.register(Arc::downgrade(&(large.clone() as Arc<dyn Reclaim>)));
        let _admitted = budget.admit(50, &CancellationToken::new()).await.unwrap();
        assert_eq!((small.reclaimable_bytes(), large.reclaimable_bytes()), (20, 0));
    }

    #[tokio::test]
    async fn work_in_progress_is_waited_for_before_a_pack_is_finished_early() {
        #[derive(Debug)]
        struct Session(Mutex<u64>);
        impl Reclaim for Session {
            fn reclaimable_bytes(&self) -> u64 {
                *self.0.lock().unwrap()
            }
            fn reclaim(&self) -> bool {
                *self.0.lock().unwrap() = 0;
                true
            }
        }
        let budget = Arc::new(Budget::new(134));
        let cancel = CancellationToken::new();
        let session = Arc::new(Session(Mutex::new(60)));
        budget.register(Arc::downgrade(&(session.clone() as Arc<dyn Reclaim>)));
        let first = budget.admit(100, &cancel).await.unwrap();
        let second = tokio::spawn({
            let (budget, cancel) = (Arc::clone(&budget), cancel.clone());
            async move { budget.admit(50, &cancel).await.map(drop) }
        });
        tokio::task::yield_now().await;
        assert_eq!(session.reclaimable_bytes(), 60, "the first will end and make room");
        drop(first);
        second.await.unwrap().unwrap();
        assert_eq!(session.reclaimable_bytes(), 60);
        budget.grow(60);
        let shipment = budget.ship();
        let more = tokio::time::timeout(Duration::from_millis(10), budget.admit(50, &cancel)).await;
        assert!(more.is_err() && session.reclaimable_bytes() == 60, "an upload will end and make room");
        drop(shipment);
        budget.shrink(60);
        *session.0.lock().unwrap() = 70;
        let _first = budget.admit(100, &cancel).await.unwrap();
        let more = tokio::time::timeout(Duration::from_millis(10), budget.admit(50, &cancel)).await;
        assert!(more.is_err());
        assert_eq!(session.reclaimable_bytes(), 0, "more than half of the budget in open packs is too much");
    }

    #[test]
    fn gathered_chunks_have_a_pot_of_their_own() {
        let budget = Arc::new(Budget::new(100));
        let hold = budget.try_hold(20).unwrap();
        assert!(budget.try_hold(10).is_none());
        assert!(budget.try_admit(75).is_some(), "held memory takes nothing from work");
        drop(hold);
        assert!(budget.try_hold(10).is_some());
    }

    #[tokio::test]
    async fn a_waiter_can_be_cancelled() {
        let budget = Arc::new(Budget::new(10));
        let cancel = CancellationToken::new();
        let _all = budget.admit(10, &cancel).await.unwrap();
        cancel.cancel();
        assert_eq!(budget.admit(5, &cancel).await.map(|_| ()), Err(Cancelled));
    }
}
