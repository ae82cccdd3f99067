//! Unique indexes and exclusion constraints: who else holds a value that a restored row needs.
//!
//! The indexes' own expressions and predicates are evaluated by the server on captured rows and live ones, so partial
//! indexes and indexes on expressions such as `lower(email)` are judged exactly.

use super::{
    Error,
    conflict::ConflictKind,
    frame::{Frame, FrameTable},
    owners::numbered,
    read::{KEYS_PER_STATEMENT, copy, tuples_sql},
    resolve::{deletes_by_reference, reference_columns},
    row::{Key, Line},
    work::Work,
};
use crate::schema::quote_ident;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Transaction, types::Type};

/// One unique index of a table in scope.
#[derive(Debug)]
pub(crate) struct Index {
    pub table: usize,
    pub name: String,
    /// Its key as SQL over the table's columns.
    expressions: Vec<String>,
    /// For each of them, the operator by which two rows exclude each other; empty for equality.
    operators: Vec<String>,
    predicate: Option<String>,
    nulls_not_distinct: bool,
    /// Checked by a trigger, which does not fire in replica role.
    pub deferrable: bool,
    /// Columns that it reads, as positions in a target line.
    positions: Vec<usize>,
}

/// Reads the unique indexes of tables with work to do. Those that need a column which is not restored are left to the
/// server's own check.
pub(crate) async fn read(tx: &Transaction<'_>, frame: &Frame<'_>, work: &Work) -> Result<Vec<Index>, Error> {
    let busy = |index: &usize| !work.table(*index).insert.is_empty() || !work.table(*index).update.is_empty();
    let tables: Vec<usize> = frame.in_scope().filter(busy).collect();
    let names: Vec<String> = tables.iter().map(|index| frame.table(*index).live.name.sql()).collect();
    let query = "SELECT u.n::int4, c.relname::text, i.indpred IS NOT NULL, pg_get_expr(i.indpred, i.indrelid), \
         coalesce((to_jsonb(i)->>'indnullsnotdistinct')::bool, false), \
         EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.condeferrable), \
         ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, true) FROM generate_series(1, i.indnkeyatts) p ORDER BY p), \
         ARRAY(SELECT DISTINCT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND \
           (a.attnum = ANY (i.indkey::int2[]) OR EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
             AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid \
             AND d.refobjsubid = a.attnum))), \
         ARRAY(SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) FROM pg_constraint k, \
           unnest(k.conexclop) WITH ORDINALITY x(op, n) JOIN pg_operator o ON o.oid = x.op \
           JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE k.conindid = i.indexrelid AND k.contype = 'x' ORDER BY x.n) \
         FROM unnest($1) WITH ORDINALITY AS u(name, n) JOIN pg_index i ON i.indrelid = u.name::regclass \
         JOIN pg_class c ON c.oid = i.indexrelid WHERE (i.indisunique OR i.indisexclusion) AND i.indisvalid ORDER BY u.n, c.relname";
    let rows = tx
        .query_typed(query, &[(&names, Type::TEXT_ARRAY)])
        .await
        .map_err(Error::database("reading unique indexes"))?;
    let mut indexes = Vec::new();
    for row in rows {
        let number = usize::try_from(row.get::<_, i32>(0) - 1).unwrap_or_default();
        let Some(table) = tables.get(number).copied() else { continue };
        let columns: Vec<String> = row.get(7);
        let positions: Option<Vec<usize>> =
            columns.iter().map(|name| frame.table(table).target_position(name)).collect();
        let Some(positions) = positions else { continue };
        // The key itself was looked up before.
        let key: BTreeSet<usize> = frame.table(table).key.iter().copied().collect();
        let whole: BTreeSet<usize> = positions.iter().copied().collect();
        if key == whole && !row.get::<_, bool>(2) {
            continue;
        }
        indexes.push(Index {
            table,
            name: row.get(1),
            predicate: row.get(3),
            nulls_not_distinct: row.get(4),
            deferrable: row.get(5),
            expressions: row.get(6),
            operators: row.get(8),
            positions,
        });
    }
    Ok(indexes)
}

/// Gives up rows whose unique value is held by a row that stays, and parks rows that hold a value another one takes over.
pub(crate) async fn find_collisions(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    indexes: &[Index],
    work: &mut Work,
) -> Result<(), Error> {
    for index in indexes {
        let candidates = candidates(work, index);
        let (keys, lines): (Vec<Key>, Vec<Line>) = candidates.into_iter().unzip();
        let deletes = deletes_by_reference(frame, work, index.table);
        for (number, holder) in holders(tx, frame, index, &lines).await? {
            let Some(key) = keys.get(number) else { continue };
            if *key == holder || deletes.contains_key(&holder) {
                continue;
            }
            let is_update = work.table(index.table).update.contains_key(key);
            let table = work.table_mut(index.table);
            match table.update.get_mut(&holder) {
                Some(other) if other.changed.iter().any(|position| index.positions.contains(position)) => {
                    // Inserts come after updates; only another update needs the value while it is still held.
                    if is_update && !index.deferrable {
                        other.parked.extend(&index.positions);
                    }
                }
                _ => table.give_up(key, ConflictKind::UniqueTaken { index: index.name.clone() }),
            }
        }
    }
    Ok(())
}

/// Rows whose value of the index is new.
fn candidates(work: &Work, index: &Index) -> BTreeMap<Key, Line> {
    let table = work.table(index.table);
    let inserts = table.insert.iter().map(|(key, target)| (key.clone(), target.line.clone()));
    let changes = |changed: &[usize]| changed.iter().any(|position| index.positions.contains(position));
    let updates = table.update.iter().filter(|(_, update)| changes(&update.changed));
    inserts.chain(updates.map(|(key, update)| (key.clone(), update.target.line.clone()))).collect()
}

/// Live rows that hold the index value of each of `lines` (rows in target layout): number of the line, and the holder.
pub(crate) async fn holders(
    tx: &Transaction<'_>,
    frame: &Frame<'_>,
    index: &Index,
    lines: &[Line],
) -> Result<Vec<(usize, Line)>, Error> {
    let table = frame.table(index.table);
    let values: Vec<Line> = lines.iter().map(|line| line.project(&index.positions)).collect();
    let mut found = Vec::new();
    for (number, chunk) in values.chunks(KEYS_PER_STATEMENT).enumerate() {
        let query = holders_sql(frame, index, table, chunk)?;
        copy(tx, &format!("looking for values of {}", index.name), &query, |line| {
            let (row, holder) = numbered(&line)?;
            found.push((number * KEYS_PER_STATEMENT + row, holder));
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

fn holders_sql(frame: &Frame<'_>, index: &Index, table: &FrameTable<'_>, values: &[Line]) -> Result<String, Error> {
    let typed: Vec<String> = index
        .positions
        .iter()
        .enumerate()
        .filter_map(|(number, position)| {
            let column = table.target_column(*position)?;
            Some(format!("k.k{number}::{} AS {}", column.type_name, quote_ident(&column.name)))
        })
        .collect();
    let keys: Vec<String> =
        index.expressions.iter().enumerate().map(|(number, sql)| format!("({sql}) AS \"keepsake${number}\"")).collect();
    let keys = keys.join(", ");
    let filter = index.predicate.as_ref().map(|sql| format!(" WHERE {sql}")).unwrap_or_default();
    let equal = if index.nulls_not_distinct { "IS NOT DISTINCT FROM" } else { "=" };
    let operator = |number: usize| index.operators.get(number).map_or(equal, String::as_str);
    let on: Vec<String> = (0..index.expressions.len())
        .map(|n| format!("t.\"keepsake${n}\" {} c.\"keepsake${n}\"", operator(n)))
        .collect();
    let place = if table.keyless() { ", tableoid, ctid" } else { "" };
    Ok(format!(
        "SELECT c.\"keepsake$n\", {} FROM (SELECT \"keepsake$n\", {keys} FROM (SELECT k.n AS \"keepsake$n\", {} FROM {}) s{filter}) c \
         JOIN (SELECT *{place}, {keys} FROM {}{filter}) t ON {}",
        reference_columns(frame, index.table, "t"),
        typed.join(", "),
        tuples_sql("k", index.positions.len(), values)?,
        table.only(),
        on.join(" AND "),
    ))
}
