//! Sequences after a restore (safety rule S3): inserting explicit ids does not move them, so the application would meet a
//! restored id. They are only ever advanced, by `nextval`, which cannot collide with the application's own calls; a gap too
//! wide for that is jumped with a margin that no application uses up in the meantime.

use super::{Error, frame::Frame, proof::SequenceMove, row::decode, work::Work};
use crate::schema::{Sequence, quote_literal};
use tokio_postgres::Transaction;

/// Widest gap closed by calling `nextval`.
const MAX_CALLS: i64 = 20_000;
/// Values left free beyond a jump.
const MARGIN: i64 = 10_000;

/// Advances every sequence that restored rows have overtaken.
pub(crate) async fn advance(tx: &Transaction<'_>, frame: &Frame<'_>, work: &Work) -> Result<Vec<SequenceMove>, Error> {
    let mut moves = Vec::new();
    for sequence in &frame.schema.sequences {
        let Some((table, column)) = &sequence.column else { continue };
        let Some(index) = frame.position(table).filter(|index| frame.table(*index).in_scope) else { continue };
        let Some(position) = frame.table(index).target_position(column) else { continue };
        let rows = work.table(index);
        let inserted = rows.insert.values().chain(rows.update.values().map(|update| &update.target));
        let values = inserted.filter_map(|target| {
            let field = target.line.fields().nth(position)?;
            decode(field).ok().flatten()?.parse::<i64>().ok()
        });
        let furthest = if sequence.increment > 0 { values.max() } else { values.min() };
        if let Some(furthest) = furthest {
            moves.extend(overtake(tx, sequence, furthest).await?);
        }
    }
    Ok(moves)
}

/// Moves one sequence past `furthest`, if it is behind.
async fn overtake(tx: &Transaction<'_>, sequence: &Sequence, furthest: i64) -> Result<Option<SequenceMove>, Error> {
    let what = || Error::database(format!("advancing the sequence {}", sequence.name));
    let moved = |now| Some(SequenceMove { sequence: sequence.name.clone(), restored: furthest, now });
    let name = quote_literal(&sequence.name.sql());
    // Both rights are needed: to see where it stands, and to call it.
    let rights = format!(
        "SELECT has_sequence_privilege({name}, 'SELECT') AND has_sequence_privilege({name}, 'USAGE'), \
         has_sequence_privilege({name}, 'UPDATE')"
    );
    let rights = tx.query_typed_one(&rights, &[]).await.map_err(what())?;
    let (may_call, may_set): (bool, bool) = (rights.get(0), rights.get(1));
    if !may_call {
        return Ok(moved(None));
    }
    let state = format!("SELECT last_value, is_called, NULL FROM {}", sequence.name.sql());
    let state = tx.query_typed_one(&state, &[]).await.map_err(what())?;
    let (last, called): (i64, bool) = (state.get(0), state.get(1));
    let step = sequence.increment;
    // The last value given out; a fresh sequence has given out none.
    let given = if called { last } else { last.saturating_sub(step) };
    let gap = if step > 0 { furthest.saturating_sub(given) } else { given.saturating_sub(furthest) };
    if gap <= 0 {
        return Ok(None);
    }
    let calls = gap.saturating_add(step.saturating_abs() - 1) / step.saturating_abs().max(1);
    if calls <= MAX_CALLS || !may_set {
        let calls = calls.min(MAX_CALLS * 100);
        let query =
            format!("SELECT nextval({name}) FROM generate_series(1, {calls}) ORDER BY 1 {} LIMIT 1", direction(step));
        let now: i64 = tx.query_typed_one(&query, &[]).await.map_err(what())?.get(0);
        let reached = if step > 0 { now >= furthest } else { now <= furthest };
        return Ok(moved(reached.then_some(now)));
    }
    let margin = MARGIN.saturating_mul(step);
    let bound = format!(
        "SELECT setval({name}, CASE WHEN {step} > 0 THEN least(seqmax, {0}) ELSE greatest(seqmin, {0}) END) \
         FROM pg_catalog.pg_sequence WHERE seqrelid = {name}::regclass",
        furthest.saturating_add(margin)
    );
    let now: i64 = tx.query_typed_one(&bound, &[]).await.map_err(what())?.get(0);
    Ok(moved(Some(now)))
}

fn direction(step: i64) -> &'static str {
    if step > 0 { "DESC" } else { "ASC" }
}
