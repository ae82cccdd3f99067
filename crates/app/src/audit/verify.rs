//! Checking the whole log: every row against its leaf, every leaf against the tree, the tree against everything that was signed.

use super::{
    finding::{Finding, Kind, Report},
    note::{Head, Signer},
    snapshot,
    walk::Walk,
};
use crate::{
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
};
use keepsake_catalog::{
    Tx,
    audit::{self, Checkpoint},
};
use keepsake_domain::merkle::Hash;
use std::collections::VecDeque;

/// Rows, and checkpoints, that are read at once.
const PAGE: u16 = 1000;

/// Checks the log as it is at this moment. `kept` is a checkpoint that was kept elsewhere: only such a one shows that the end of the log
/// was cut off together with the checkpoints that knew of it.
///
/// # Errors
/// [`Code::Invalid`] if `kept` is no checkpoint of this log; [`Code::CatalogFailed`]; [`Code::Interrupted`]. That something is wrong with the
/// log is no error here: see [`failure`].
pub async fn verify(service: &Service, kept: Option<&str>) -> Result<Report> {
    let signer = Signer::of(&service.context.master)?;
    let mut kept = kept.map(|note| super::prove::opened(&signer, note)).transpose()?;
    let mut tx = snapshot(service).await?;
    let mut walk = Walk::new(signer.public_key());
    let mut checkpoints = Checkpoints::default();
    loop {
        service.context.still_wanted()?;
        let leaves = audit::sequenced(&mut tx, walk.passed(), PAGE).await.map_err(failed)?;
        for leaf in &leaves {
            // Checkpoints of trees that end before this leaf, some perhaps in a gap.
            while let Some(checkpoint) = checkpoints.next(&mut tx, leaf.index).await? {
                walk.checkpoint(&checkpoint);
            }
            compare(&mut walk, &mut kept, leaf.index);
            walk.leaf(leaf);
        }
        if leaves.len() < usize::from(PAGE) {
            break;
        }
    }
    let size = walk.passed();
    while let Some(checkpoint) = checkpoints.next(&mut tx, size).await? {
        walk.checkpoint(&checkpoint);
    }
    compare(&mut walk, &mut kept, size);
    while let Some(checkpoint) = checkpoints.next(&mut tx, u64::MAX).await? {
        walk.beyond(&checkpoint);
    }
    if let Some(head) = kept {
        walk.cut_off(&head, "that was kept elsewhere ");
    }
    let mut report = walk.end();
    outside(&mut tx, &mut report).await?;
    Ok(report)
}

/// Compares the tree with the checkpoint that was kept elsewhere, when it is as large.
fn compare(walk: &mut Walk<'_>, kept: &mut Option<Head>, size: u64) {
    if let Some(head) = kept.take_if(|head| head.size <= size) {
        let root =
            if head.size == 0 { Some(Hash::of_nothing()) } else { walk.root().filter(|_| walk.passed() == head.size) };
        if root != Some(head.root) {
            let message = format!(
                "the first {} rows are not those of the checkpoint that was kept elsewhere: history was rewritten",
                head.size
            );
            walk.report.found(Finding::of(Kind::Rewritten, message).checkpoint(head.size));
        }
    }
}

/// Looks for rows that are in the log and not in the tree, and for those that were to come into the tree and are gone.
async fn outside(tx: &mut Tx, report: &mut Report) -> Result<()> {
    report.waiting = audit::waiting(tx).await.map_err(failed)?;
    for row in audit::missing(tx, PAGE).await.map_err(failed)? {
        if !row.waits {
            let message = "the row is in the log, and neither in the tree nor waiting for its place: it came in past the sequencer";
            report.found(Finding::of(Kind::Inserted, message).row(row.id));
            continue;
        }
        if let Some(signed) = report.signed.filter(|signed| signed.should_have(row.at)) {
            let message = format!(
                "the row waits for its place and says that it happened at {}, long before the checkpoint for {} rows was signed at {}",
                row.at, signed.size, signed.at
            );
            report.found(Finding::of(Kind::Inserted, message).row(row.id));
        }
    }
    for row in audit::vanished(tx, PAGE).await.map_err(failed)? {
        let message = "the row was to come into the tree and is not in the log any more";
        report.found(Finding::of(Kind::Removed, message).row(row));
    }
    Ok(())
}

/// The failure that a report with findings amounts to.
pub fn failure(report: &Report) -> Option<Error> {
    let count = u64::try_from(report.findings.len()).unwrap_or(u64::MAX).saturating_add(report.unlisted);
    (!report.good)
        .then(|| Error::new(Code::VerifyFailed, format!("the audit log is not what it was ({count} findings)")))
}

/// All checkpoints, smallest first, a page at a time.
#[derive(Default)]
struct Checkpoints {
    page: VecDeque<Checkpoint>,
    after: u64,
    all: bool,
}

impl Checkpoints {
    /// The next one, if its tree has at most `size` leaves.
    async fn next(&mut self, tx: &mut Tx, size: u64) -> Result<Option<Checkpoint>> {
        if self.page.is_empty() && !self.all {
            self.page = audit::checkpoints(tx, self.after, PAGE).await.map_err(failed)?.into();
            self.after = self.page.back().map_or(self.after, |last| last.size);
            self.all = self.page.len() < usize::from(PAGE);
        }
        let due = self.page.front().is_some_and(|checkpoint| checkpoint.size <= size);
        Ok(if due { self.page.pop_front() } else { None })
    }
}
