//! The chunks of one file, filled in as the CPU threads finish them in any order.

use super::{Error, Result, session::Session};
use crate::id::Id;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(super) struct Content {
    state: Mutex<State>,
    complete: Notify,
}

#[derive(Debug, Default)]
struct State {
    ids: Vec<Option<Id>>,
    missing: usize,
}

impl Content {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no chunk was begun.
    pub(super) fn is_empty(&self) -> bool {
        self.state().ids.is_empty()
    }

    /// The place of the next chunk.
    pub(super) fn reserve(&self) -> usize {
        let mut state = self.state();
        state.ids.push(None);
        state.missing += 1;
        state.ids.len() - 1
    }

    /// Fills a place.
    pub(super) fn set(&self, place: usize, id: Id) {
        let mut state = self.state();
        if let Some(slot) = state.ids.get_mut(place)
            && slot.replace(id).is_none()
        {
            state.missing -= 1;
        }
        let complete = state.missing == 0;
        drop(state);
        if complete {
            self.complete.notify_waiters();
        }
    }

    /// Waits until every place is filled.
    pub(super) async fn wait(&self, session: &Session) -> Result<Vec<Id>> {
        loop {
            let mut complete = std::pin::pin!(self.complete.notified());
            complete.as_mut().enable();
            if let Some(ids) = self.complete() {
                return Ok(ids);
            }
            if session.cancel.run_until_cancelled(complete).await.is_none() {
                return Err(Error::Failed);
            }
        }
    }

    /// The chunks in order, if all are there.
    fn complete(&self) -> Option<Vec<Id>> {
        let state = self.state();
        if state.missing == 0 { state.ids.iter().copied().collect() } else { None }
    }
}
