//! A recovery operation: one restore with its preview, proof and undo (states of api.md).

use crate::word::words;

words! {
    /// Where a recovery operation is. Names as in api.md.
    State {
        /// Accepted and queued.
        Initializing = "initializing",
        /// Choosing the point, opening the vault, planning.
        Preparing = "preparing",
        /// The plan and its hash are known. A request that only asks ends here.
        Previewed = "previewed",
        /// Saving the present state, then putting the captured one back, in one transaction.
        Recovering = "recovering",
        /// Proving the result, before it is committed.
        Verifying = "verifying",
        /// Committed.
        Completed = "completed",
        /// Ended; live is as it was.
        Failed = "failed",
        /// Ended by a person before the commit; live is as it was.
        Cancelled = "cancelled",
        /// Was completed, and a later operation put back what it replaced.
        Undone = "undone",
    }
}

impl State {
    /// The states that may follow. Up to the commit an operation may fail or be cancelled; after it, only be undone.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Initializing => &[Self::Preparing, Self::Failed, Self::Cancelled],
            Self::Preparing => &[Self::Previewed, Self::Failed, Self::Cancelled],
            Self::Previewed => &[Self::Recovering, Self::Failed, Self::Cancelled],
            Self::Recovering => &[Self::Verifying, Self::Failed, Self::Cancelled],
            Self::Verifying => &[Self::Completed, Self::Failed, Self::Cancelled],
            Self::Completed => &[Self::Undone],
            Self::Failed | Self::Cancelled | Self::Undone => &[],
        }
    }

    /// Whether `next` may follow.
    pub fn can_become(self, next: Self) -> bool {
        self.next().contains(&next)
    }

    /// Whether nothing follows, ever.
    pub const fn is_terminal(self) -> bool {
        self.next().is_empty()
    }

    /// Whether no work is left: the operation ended, and its caller may stop waiting. `validate_only`: it was asked only for
    /// the preview.
    pub const fn is_settled(self, validate_only: bool) -> bool {
        match self {
            Self::Previewed => validate_only,
            Self::Completed | Self::Failed | Self::Cancelled | Self::Undone => true,
            Self::Initializing | Self::Preparing | Self::Recovering | Self::Verifying => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_goes_forward_past_its_preview() {
        use State::{Completed, Initializing, Preparing, Previewed, Recovering, Undone, Verifying};
        let line = [Initializing, Preparing, Previewed, Recovering, Verifying, Completed, Undone];
        for (position, state) in line.into_iter().enumerate() {
            for (other, next) in line.into_iter().enumerate() {
                assert_eq!(state.can_become(next), other == position + 1, "{state} -> {next}");
            }
        }
    }

    #[test]
    fn nothing_fails_or_is_cancelled_after_the_commit() {
        for state in State::ALL {
            let committed = matches!(state, State::Completed | State::Undone);
            let ended = committed || matches!(state, State::Failed | State::Cancelled);
            assert_eq!(state.can_become(State::Failed), !ended);
            assert_eq!(state.can_become(State::Cancelled), !ended);
            assert_eq!(state.is_terminal(), ended && *state != State::Completed);
            assert_eq!(state.is_settled(false), ended);
            assert_eq!(state.is_settled(true), ended || *state == State::Previewed);
        }
    }

    #[test]
    fn the_words_are_those_of_the_api() {
        let words = State::ALL.iter().map(|state| state.name()).collect::<Vec<_>>().join(", ");
        let expected =
            "initializing, preparing, previewed, recovering, verifying, completed, failed, cancelled, undone";
        assert_eq!(words, expected);
    }
}
