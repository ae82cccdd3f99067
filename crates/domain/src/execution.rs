//! An execution: one attempt at a backup job (product.md A3, states of api.md).

use crate::word::words;

words! {
    /// Where an execution is. Names as in api.md.
    State {
        /// Accepted and queued.
        Initializing = "initializing",
        /// A worker has it: it connects, checks and estimates.
        Preparing = "preparing",
        /// Reading the source and writing to storage.
        BackingUp = "backing_up",
        /// Reading back what was written.
        Verifying = "verifying",
        /// The first copy is verified; a recovery point exists, or the newest one was confirmed.
        Completed = "completed",
        /// Ended without a recovery point. A retry is a new execution.
        Failed = "failed",
        /// Ended by a person, without a recovery point.
        Cancelled = "cancelled",
    }
}

impl State {
    /// The states that may follow. Nothing is skipped and nothing goes back; every state but the last ones may fail or be cancelled.
    pub const fn next(self) -> &'static [Self] {
        match self {
            Self::Initializing => &[Self::Preparing, Self::Failed, Self::Cancelled],
            Self::Preparing => &[Self::BackingUp, Self::Failed, Self::Cancelled],
            Self::BackingUp => &[Self::Verifying, Self::Failed, Self::Cancelled],
            Self::Verifying => &[Self::Completed, Self::Failed, Self::Cancelled],
            Self::Completed | Self::Failed | Self::Cancelled => &[],
        }
    }

    /// Whether `next` may follow.
    pub fn can_become(self, next: Self) -> bool {
        self.next().contains(&next)
    }

    /// Whether nothing follows.
    pub const fn is_terminal(self) -> bool {
        self.next().is_empty()
    }
}

words! {
    /// Why an execution was started.
    ExecutionType {
        /// By its schedule.
        Scheduled = "scheduled",
        /// By a person.
        Manual = "manual",
        /// By a person, before everything else.
        Emergency = "emergency",
        /// After one that failed.
        Retry = "retry",
    }
}

words! {
    /// What a completed execution left.
    Outcome {
        /// A new recovery point.
        Stored = "stored",
        /// Nothing had changed: the newest point was confirmed, which moves the time that its RPO counts from.
        Unchanged = "unchanged",
        /// A recovery point that lacks what could not be read; never chosen by default (safety rule S13).
        Incomplete = "incomplete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_goes_forward_and_ends_once() {
        let line = [State::Initializing, State::Preparing, State::BackingUp, State::Verifying, State::Completed];
        for (position, state) in line.into_iter().enumerate() {
            for (other, next) in line.into_iter().enumerate() {
                assert_eq!(state.can_become(next), other == position + 1, "{state} -> {next}");
            }
        }
        for state in State::ALL {
            let ended = matches!(state, State::Completed | State::Failed | State::Cancelled);
            assert_eq!(state.is_terminal(), ended);
            assert_eq!(state.can_become(State::Failed) && state.can_become(State::Cancelled), !ended);
        }
    }

    #[test]
    fn the_words_are_those_of_the_api() {
        let words: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
        let expected = ["initializing", "preparing", "backing_up", "verifying", "completed", "failed", "cancelled"];
        assert_eq!(words, expected);
        let types: Vec<&str> = ExecutionType::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(types, ["scheduled", "manual", "emergency", "retry"]);
        let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
        assert_eq!(outcomes, ["stored", "unchanged", "incomplete"]);
    }
}
