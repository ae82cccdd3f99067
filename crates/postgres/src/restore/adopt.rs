//! Rows that come along: they live, hang on a row that comes back, and so are this wedding's afterwards without being
//! written. Orphans of virtual edges (nothing removed them with their parent) and what another wedding added to a row that is
//! taken back. They are counted, saved for undo and expected by the proof.

use super::{
    Error,
    compute::Inputs,
    conflict::{Conflict, ConflictKind},
    live::{self, LiveRow},
    work::{Target, Update, Whose, Work},
};
use std::collections::BTreeSet;

/// Adds them to the work. Runs last: nothing is given up afterwards.
pub(crate) async fn adopt(inputs: &Inputs<'_>, work: &mut Work) -> Result<(), Error> {
    let frame = inputs.frame;
    let mut seeds = Vec::new();
    for (number, edge) in frame.owns.iter().enumerate() {
        let (table, rows) = (frame.table(edge.parent), work.table(edge.parent));
        let target = |position: &usize| table.common.iter().position(|(live, _)| live == position);
        let Some(to) = edge.to.iter().map(target).collect::<Option<Vec<usize>>>() else { continue };
        let taken = rows.update.values().filter(|update| update.whose == Whose::Taken).map(|update| &update.target);
        seeds.extend(rows.insert.values().chain(taken).map(|target| (number, target.line.project(&to))));
    }
    let mut found: Vec<(usize, LiveRow)> = Vec::new();
    live::below(inputs.tx, frame, seeds, inputs.locks, |index, row| {
        found.push((index, row));
        Ok(())
    })
    .await?;
    for (index, row) in found {
        let table = frame.table(index);
        let work = work.table_mut(index);
        let key = if table.keyless() { row.line.clone() } else { row.key.clone() };
        if !table.in_scope || table.entry.is_none() || work.owned.contains(&row.key) || work.update.contains_key(&key) {
            continue;
        }
        if work.orphans.remove(&key) {
            work.same += 1;
        }
        let target = Target { line: row.line.project(&table.live_projection()), nulled: Vec::new() };
        let update = Update {
            live: LiveRow { key: key.clone(), line: row.line },
            target,
            changed: Vec::new(),
            moved: false,
            parked: BTreeSet::new(),
            whose: Whose::Taken,
        };
        work.update.insert(key, update);
    }
    for table in &mut work.tables {
        for key in std::mem::take(&mut table.orphans) {
            table.conflicts.insert(key, Conflict { change: "update", kind: ConflictKind::OwnedByNobody });
        }
    }
    Ok(())
}
