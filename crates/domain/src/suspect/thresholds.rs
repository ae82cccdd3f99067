//! From where on a change looks like damage.

use serde::{Deserialize, Serialize};

/// The numbers of the comparison. Shares are per cent of what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// A group that lost this share of its rows or more has lost too many.
    pub group_loss_percent: u8,
    /// But no fewer rows than this: small groups change by large shares.
    pub group_loss_rows: u64,
    /// A group that had this many rows or more and has none has vanished.
    pub group_vanished_rows: u64,
    /// All groups together: this share of rows or more removed is a burst of deletions.
    pub burst_percent: u8,
    /// But no fewer rows than this.
    pub burst_rows: u64,
    /// A group of which this share of rows or more has other contents was rewritten.
    pub rewritten_percent: u8,
    /// But no fewer rows than this.
    pub rewritten_rows: u64,
    /// The integrity score fell by this many points or more.
    pub score_drop: u8,
    /// This share of the files that rows name, or more, is newly missing.
    pub files_vanished_percent: u8,
    /// But no fewer files than this.
    pub files_vanished: u64,
    /// Rows compress worse than before by this many thousandths of their size or more: text became noise.
    pub packed_rise_permille: u16,
    /// And to no less than this.
    pub packed_permille: u16,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            group_loss_percent: 30,
            group_loss_rows: 10,
            group_vanished_rows: 3,
            burst_percent: 25,
            burst_rows: 20,
            rewritten_percent: 80,
            rewritten_rows: 20,
            score_drop: 20,
            files_vanished_percent: 20,
            files_vanished: 5,
            packed_rise_permille: 250,
            packed_permille: 450,
        }
    }
}
