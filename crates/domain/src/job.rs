//! A job: one unit of work that must happen, in the queue until it did (product.md A5, states of api.md).

use crate::word::words;

words! {
    /// Where a job is. Names as in api.md.
    State {
        /// Waiting for a worker, perhaps not before a set time.
        Queued = "queued",
        /// A worker has it, as long as its heartbeat goes on.
        Leased = "leased",
        /// Its work was done.
        Done = "done",
        /// The last attempt failed and another will follow.
        Failed = "failed",
        /// Every attempt failed; somebody has to look.
        Dead = "dead",
        /// Ended by a person, or overtaken by events.
        Cancelled = "cancelled",
    }
}

impl State {
    /// The states that may follow by themselves.
    ///
    /// A leased job is queued again when its lease ran out, or when an emergency took its place. A dead one is left only by
    /// [`State::revived`].
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Queued => &[Self::Leased, Self::Cancelled],
            Self::Leased => &[Self::Done, Self::Failed, Self::Queued, Self::Dead, Self::Cancelled],
            Self::Failed => &[Self::Queued, Self::Dead, Self::Cancelled],
            Self::Done | Self::Dead | Self::Cancelled => &[],
        }
    }

    /// Whether `next` may follow by itself.
    pub fn can_become(self, next: Self) -> bool {
        self.next().contains(&next)
    }

    /// Whether nothing follows by itself.
    pub const fn is_terminal(self) -> bool {
        self.next().is_empty()
    }

    /// What a person's retry makes of it: only what failed can be tried again, and starts from the queue.
    pub const fn revived(self) -> Option<Self> {
        match self {
            Self::Failed | Self::Dead => Some(Self::Queued),
            Self::Queued | Self::Leased | Self::Done | Self::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_jobs_stay_ended() {
        for state in State::ALL {
            let ended = matches!(state, State::Done | State::Dead | State::Cancelled);
            assert_eq!(state.is_terminal(), ended);
            assert!(State::ALL.iter().all(|next| !(ended && state.can_become(*next))));
            assert!(!state.can_become(*state));
        }
    }

    #[test]
    fn work_is_done_only_under_a_lease() {
        for state in State::ALL {
            for result in [State::Done, State::Failed] {
                assert_eq!(state.can_become(result), *state == State::Leased);
            }
            assert_eq!(state.can_become(State::Leased), *state == State::Queued);
        }
    }

    #[test]
    fn a_retry_by_hand_wakes_only_what_failed() {
        let woken: Vec<State> = State::ALL.iter().copied().filter(|state| state.revived().is_some()).collect();
        assert_eq!(woken, [State::Failed, State::Dead]);
    }

    #[test]
    fn the_words_are_those_of_the_api() {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        assert_eq!(words, ["queued", "leased", "done", "failed", "dead", "cancelled"]);
    }
}
