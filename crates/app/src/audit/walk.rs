//! Going through the tree leaf by leaf, and comparing it with its rows and with the checkpoints on the way.

use super::{
    finding::{Finding, Kind, Report, Signed},
    note::{Head, PublicKey},
};
use keepsake_catalog::audit::{Checkpoint, Sequenced};
use keepsake_domain::merkle::{Frontier, Hash};
use std::collections::HashMap;
use uuid::Uuid;

/// Leaves between two checkpoints, at most, among which two that changed places are looked for.
const SWAP_SEARCH_MAX: usize = 128;
/// Rows whose hash is not that of their place that are remembered, to see whose place it is.
const MISFITS_MAX: usize = 10_000;

/// A row that does not fit the hash at its place.
struct Misfit {
    index: u64,
    id: Uuid,
    /// Of its leaf.
    own: Hash,
    /// In the tree.
    kept: Option<Hash>,
}

/// A leaf since the last checkpoint.
#[derive(Clone, Copy)]
struct Passed {
    index: u64,
    id: Uuid,
    kept: Hash,
}

/// A walk through the tree.
pub(super) struct Walk<'a> {
    key: &'a PublicKey,
    pub report: Report,
    frontier: Frontier,
    /// The index that comes next.
    next: u64,
    /// Where the last checkpoint stood that holds, and the leaves since then.
    held: Frontier,
    since: Vec<Passed>,
    /// That rows are missing at the end was said.
    told_end: bool,
    /// The tree has left what was signed, and what follows cannot be compared any more.
    lost: bool,
    misfits: Vec<Misfit>,
}

impl<'a> Walk<'a> {
    pub fn new(key: &'a PublicKey) -> Self {
        Self {
            key,
            report: Report::new(),
            frontier: Frontier::default(),
            next: 0,
            held: Frontier::default(),
            since: Vec::new(),
            told_end: false,
            lost: false,
            misfits: Vec::new(),
        }
    }

    /// How many leaves were passed, those counted that are missing.
    pub const fn passed(&self) -> u64 {
        self.next
    }

    /// The root of what was passed, if nothing was missing.
    pub fn root(&self) -> Option<Hash> {
        (self.frontier.size() == self.next).then(|| self.frontier.root())
    }

    /// Passes a place of the tree.
    pub fn leaf(&mut self, leaf: &Sequenced) {
        if leaf.index > self.next {
            let message = format!("the places {} to {} of the tree are gone", self.next, leaf.index - 1);
            self.report.found(Finding::of(Kind::Removed, message).index(self.next));
            self.lost = true;
        }
        self.report.rows += 1;
        self.next = leaf.index + 1;
        self.row(leaf);
        let kept = Hash::from_slice(&leaf.hash).unwrap_or_else(Hash::of_nothing);
        self.frontier.append(kept);
        // One more than is ever looked through, to see that there are too many.
        if self.since.len() <= SWAP_SEARCH_MAX {
            self.since.push(Passed { index: leaf.index, id: leaf.id, kept });
        }
    }

    /// Compares a row with its leaf, and the leaf with its hash.
    fn row(&mut self, leaf: &Sequenced) {
        let about = |kind, message: &str| Finding::of(kind, message).row(leaf.id).index(leaf.index);
        let Some(row) = &leaf.row else {
            self.report.found(about(Kind::Removed, "the row is in the tree and not in the log any more"));
            return;
        };
        let own = Hash::of_leaf(&row.leaf);
        let kept = Hash::from_slice(&leaf.hash);
        if row.row(leaf.id).leaf() != row.leaf {
            self.report.found(about(Kind::Changed, "the row says something else than its leaf"));
        } else if kept != Some(own) {
            if self.misfits.len() < MISFITS_MAX {
                self.misfits.push(Misfit { index: leaf.index, id: leaf.id, own, kept });
            } else {
                self.report.found(about(Kind::Changed, "the row is not the one that was hashed"));
            }
        }
        if let Some(signed) = self.report.signed.filter(|signed| signed.should_have(row.at())) {
            let message = format!(
                "the row says that it happened at {}, and the checkpoint for {} rows, signed at {}, does not have it",
                row.at(),
                signed.size,
                signed.at
            );
            self.report.found(about(Kind::Inserted, &message));
        }
    }

    /// Passes a checkpoint of the tree up to here.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        let Some(head) = self.opened(checkpoint) else { return };
        // Of a tree that ended in a gap: the next leaf tells of that.
        if self.lost || head.size != self.next {
            return;
        }
        if head.root == self.frontier.root() {
            if checkpoint.frontier != self.frontier.to_bytes() {
                let message = "the right edge of the tree that is kept with the checkpoint was changed";
                self.report.found(Finding::of(Kind::Forged, message).checkpoint(head.size));
            }
            self.holds(checkpoint);
        } else if let Some((one, other)) = self.swapped(&head) {
            for (here, there) in [(one, other), (other, one)] {
                let message = format!("the row at place {} was signed at place {}", here.index, there.index);
                let finding = Finding::of(Kind::Reordered, message).row(here.id).index(here.index);
                self.report.found(finding.checkpoint(head.size));
            }
            // With the two in their own places everything after them can be compared again.
            self.frontier = self.with_swapped(one, other);
            self.holds(checkpoint);
        } else {
            let from = self.held.size();
            let message = format!(
                "the rows from place {from} to {} are not those that were signed for: at least one was changed with its leaf and its hash, \
                 moved, removed or put in; later checkpoints cannot be compared",
                head.size.saturating_sub(1)
            );
            self.report.found(Finding::of(Kind::Rewritten, message).index(from).checkpoint(head.size));
            self.lost = true;
        }
    }

    fn holds(&mut self, checkpoint: &Checkpoint) {
        self.report.signed = Some(Signed { size: checkpoint.size, at: checkpoint.at });
        self.held = self.frontier.clone();
        self.since.clear();
    }

    /// Passes a checkpoint of a tree that is larger than what is there. They come smallest first; the first that holds tells.
    pub fn beyond(&mut self, checkpoint: &Checkpoint) {
        let Some(head) = self.opened(checkpoint) else { return };
        if !self.told_end {
            self.cut_off(&head, "");
        }
    }

    /// Says that a tree as large as a checkpoint's was here once.
    pub fn cut_off(&mut self, head: &Head, which: &str) {
        let message = format!(
            "the tree ends at {} rows, and a checkpoint {which}was signed for {}: what came after is gone",
            self.next, head.size
        );
        self.report.found(Finding::of(Kind::Removed, message).index(self.next).checkpoint(head.size));
        self.told_end = true;
    }

    /// What a checkpoint says, if it was signed and its columns say the same.
    fn opened(&mut self, checkpoint: &Checkpoint) -> Option<Head> {
        self.report.checkpoints += 1;
        let message = match self.key.open(&checkpoint.note) {
            Ok(head) if head.size == checkpoint.size && head.root.as_bytes().as_slice() == checkpoint.root => {
                return Some(head);
            }
            Ok(_) => "the checkpoint's columns say something else than its note".to_owned(),
            Err(why) => format!("the checkpoint proves nothing: {why}"),
        };
        self.report.found(Finding::of(Kind::Forged, message).checkpoint(checkpoint.size));
        None
    }

    /// Which two of the leaves since the last checkpoint would have to change places for the root to be the signed one.
    fn swapped(&self, head: &Head) -> Option<(Passed, Passed)> {
        if self.since.len() > SWAP_SEARCH_MAX {
            return None;
        }
        let mut pairs = self.since.iter().enumerate().flat_map(|(at, one)| {
            let others = self.since.iter().skip(at + 1);
            others.map(|other| (*one, *other))
        });
        pairs.find(|(one, other)| self.with_swapped(*one, *other).root() == head.root)
    }

    /// The tree with the hashes of two leaves since the last checkpoint in each other's places.
    fn with_swapped(&self, one: Passed, other: Passed) -> Frontier {
        let mut tree = self.held.clone();
        for leaf in &self.since {
            tree.append(match leaf.index {
                index if index == one.index => other.kept,
                index if index == other.index => one.kept,
                _ => leaf.kept,
            });
        }
        tree
    }

    /// Judges the rows that did not fit their places, when all are known.
    pub fn end(mut self) -> Report {
        let places: HashMap<Hash, u64> =
            self.misfits.iter().filter_map(|misfit| Some((misfit.kept?, misfit.index))).collect();
        for misfit in &self.misfits {
            let finding = match places.get(&misfit.own) {
                Some(place) => Finding::of(
                    Kind::Reordered,
                    format!("the row at place {} was hashed at place {place}", misfit.index),
                ),
                None => Finding::of(Kind::Changed, "the row is not the one that was hashed"),
            };
            self.report.found(finding.row(misfit.id).index(misfit.index));
        }
        self.report
    }
}
