//! Takes out of the work what cannot stand: deletes that others refer to, values that others hold, rows without parents.
//!
//! Each finding may cause others (a row that stays keeps its parents; a row that is not inserted has no children), so the
//! three checks run until none finds anything. Every round takes at least one row out, so it ends.

use super::{
    Error,
    compute::Inputs,
    frame::Frame,
    links, references,
    row::{Key, Line},
    uniques,
    work::Work,
};
use std::collections::HashMap;

/// Runs the checks to their end.
pub(crate) async fn resolve(inputs: &Inputs<'_>, work: &mut Work) -> Result<(), Error> {
    let indexes = uniques::read(inputs.tx, inputs.frame, work).await?;
    let mut cache = links::Cache::default();
    loop {
        let before = work.conflicts();
        references::keep_referenced(inputs, work).await?;
        uniques::find_collisions(inputs.tx, inputs.frame, &indexes, work).await?;
        links::settle_parents(inputs, work, &mut cache).await?;
        if work.conflicts() == before {
            return Ok(());
        }
    }
}

/// Planned deletes of one table by what a query on live rows returns of them: the key, or the place without one.
pub(crate) fn deletes_by_reference(frame: &Frame<'_>, work: &Work, index: usize) -> HashMap<Line, Key> {
    let table = frame.table(index);
    let stored = table.columns.len();
    let reference = |line: &Line| line.project(&[stored, stored + 1]);
    let deletes = work.table(index).delete.iter();
    if table.keyless() {
        deletes.map(|(key, row)| (reference(&row.line), key.clone())).collect()
    } else {
        deletes.map(|(key, _)| (key.clone(), key.clone())).collect()
    }
}

/// The columns that such a query selects, over an alias.
pub(crate) fn reference_columns(frame: &Frame<'_>, index: usize, alias: &str) -> String {
    let table = frame.table(index);
    if table.keyless() {
        return format!("{alias}.tableoid, {alias}.ctid");
    }
    let columns = table.live_key.iter().filter_map(|position| table.columns.get(*position));
    let names: Vec<String> =
        columns.map(|column| format!("{alias}.{}", crate::schema::quote_ident(&column.name))).collect();
    names.join(", ")
}
