//! The plan: read only, one snapshot, nothing locked.

use super::{
    Error, Request, Target,
    apply::ReplicaRole,
    compute::{Inputs, compute},
    conflict::ConflictKind,
    downstream::downstream,
    files::{self, Probe},
    frame::{Frame, FrameTable},
    hash::preview_hash,
    live::Locks,
    plan::{Plan, RowChange, RowDiff, TablePlan, VERSION},
    prepare, read,
    row::Key,
    side,
    work::{TableWork, Update, Whose, Work},
};
use crate::{capture::Source, connect::Session, mapping::Mapping, schema::Schema};
use keepsake_domain::restore::Mode;
use std::time::Duration;
use tokio_postgres::IsolationLevel;

/// Longest that a preview waits for one statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest that a preview waits for a lock, such as that of an ALTER TABLE.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// Plans a restore: reads the capture and one snapshot of the live database, writes nothing, locks nothing.
///
/// `schema` and `mapping` describe the live database today (`mapping` bound to it before). `probe` looks at live files;
/// without it files are planned as if none were there.
///
/// # Errors
/// [`Error`] where no plan can be made: an unreadable capture, hidden rows, a mapping that does not fit. What stops only the
/// apply is listed in [`Plan::refusals`].
pub async fn plan(
    session: &mut Session,
    schema: &Schema,
    mapping: &Mapping,
    source: &dyn Source,
    request: &Request,
    probe: Option<&dyn Probe>,
    replica_role: ReplicaRole,
) -> Result<Plan, Error> {
    let manifest = read::manifest(source).await?;
    if let Target::SideSchema(name) = &request.target {
        return side::plan(session, &manifest, request, name).await;
    }
    let captured = read::captured_schema(source).await?;
    let frame = Frame::new(schema, mapping, &manifest, captured.as_ref(), request)?;
    let begun =
        session.client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead).start();
    let tx = begun.await.map_err(Error::database("beginning the preview"))?;
    prepare::settings(&tx, LOCK_TIMEOUT, STATEMENT_TIMEOUT).await?;
    prepare::refuse_hidden_rows(&tx, &frame).await?;
    let (path, why) = prepare::write_path(&tx, &frame, replica_role).await?;
    let inputs = Inputs { tx: &tx, frame: &frame, source, manifest: &manifest, request, locks: Locks::None, path };
    let mut work = compute(&inputs).await?;
    let (downstream, refusals) = downstream(&tx, &frame, &work, path).await?;
    work.refusals.extend(refusals);
    let files = files::plan(&frame, &work, &manifest, request, probe).await?;
    tx.rollback().await.map_err(Error::database("ending the preview"))?;
    let hash = preview_hash(&frame, &work, request, path, &downstream, &files)?;
    let mut plan = Plan {
        version: VERSION,
        request: request.clone(),
        captured_at: manifest.captured_at,
        preview_hash: hash,
        root_exists: work.root_exists,
        path,
        tables: frame.in_scope().map(|index| table_plan(&frame, &work, index, request)).collect::<Result<_, _>>()?,
        files,
        refusals: work.refusals.clone(),
        downstream,
        assumed_edges: assumed_edges(mapping),
        warnings: why.into_iter().collect(),
    };
    plan.warnings.extend(warnings(&frame, &plan, request));
    Ok(plan)
}

fn assumed_edges(mapping: &Mapping) -> Vec<String> {
    let assumed = mapping.edges.iter().filter(|edge| edge.decision.assumed());
    assumed
        .map(|edge| {
            let decision = if edge.decision.owns() { "owns" } else { "refers" };
            format!("{} ({}) -> {}: {decision}", edge.from, edge.columns.join(", "), edge.to)
        })
        .collect()
}

fn warnings(frame: &Frame<'_>, plan: &Plan, request: &Request) -> Vec<String> {
    let mut warnings = Vec::new();
    for table in frame.tables.iter().filter(|table| table.in_scope) {
        let name = &table.live.name;
        if table.entry.is_none() {
            warnings.push(format!("{name} is mapped today but not in the capture: its rows stay as they are"));
        }
        if !table.drift.dropped.is_empty() {
            warnings.push(format!(
                "{name}: the columns {} were captured and exist no more; their values stay in the capture",
                table.drift.dropped.join(", ")
            ));
        }
        if table.keyless() {
            warnings.push(format!("{name} has no key: rows are matched by their whole content"));
        }
    }
    if !plan.root_exists && request.mode != Mode::Exact {
        warnings.push("the wedding's own row is gone from live: it comes back with all that it owned".to_owned());
    }
    if !plan.downstream.triggers_silent.is_empty() {
        warnings.push("user triggers do not fire for this restore: see downstream.triggers_silent".to_owned());
    }
    if plan.downstream.slots.iter().any(|slot| !slot.active) && !plan.is_empty() {
        warnings.push("a replication slot that nobody reads will keep the changes until it is read".to_owned());
    }
    warnings
}

fn table_plan(frame: &Frame<'_>, work: &Work, index: usize, request: &Request) -> Result<TablePlan, Error> {
    let (table, rows) = (frame.table(index), work.table(index));
    let limit = request.limits.listed_rows;
    let listed = diffs(table, rows, limit)?;
    let all = rows.insert.len() + rows.update.len() + rows.delete.len() + rows.left.len() + rows.conflicts.len();
    let count = |what: fn(&Update) -> bool| rows.update.values().filter(|update| what(update)).count() as u64;
    Ok(TablePlan {
        name: table.live.name.clone(),
        group: table.group,
        captured: rows.captured_rows,
        insert: rows.insert.len() as u64,
        update: count(|update| !update.changed.is_empty()),
        moved: count(|update| update.moved),
        taken: count(|update| update.whose != Whose::Ours),
        delete: rows.delete.len() as u64,
        same: rows.same,
        left: rows.left.len() as u64,
        conflict: rows.conflicts.len() as u64,
        drift: table.drift.clone(),
        rows_not_listed: (all - listed.len()) as u64,
        rows: listed,
    })
}

/// The first rows of each kind, conflicts before what merely stays.
fn diffs(table: &FrameTable<'_>, rows: &TableWork, limit: usize) -> Result<Vec<RowDiff>, Error> {
    let names = |positions: &[usize]| -> Vec<String> {
        positions.iter().filter_map(|at| table.target_column(*at)).map(|column| column.name.clone()).collect()
    };
    let row = |key: &Key, change, columns: Vec<String>, nulled, conflict: Option<ConflictKind>| {
        let key = if table.keyless() { Vec::new() } else { key.values()? };
        Ok(RowDiff { key, change, columns, nulled, conflict })
    };
    let inserts =
        rows.insert.iter().map(|(key, target)| row(key, RowChange::Insert, Vec::new(), names(&target.nulled), None));
    let updates = rows.update.iter().map(|(key, update)| {
        let change = match update {
            Update { whose: Whose::Taken, .. } => RowChange::Take,
            Update { whose: Whose::Returned, .. } => RowChange::Return,
            Update { moved: true, .. } => RowChange::Move,
            _ => RowChange::Update,
        };
        row(key, change, names(&update.changed), names(&update.target.nulled), None)
    });
    let deletes = rows.delete.keys().map(|key| row(key, RowChange::Delete, Vec::new(), Vec::new(), None));
    let conflicts = rows
        .conflicts
        .iter()
        .map(|(key, conflict)| row(key, RowChange::Conflict, Vec::new(), Vec::new(), Some(conflict.kind.clone())));
    let left = rows.left.iter().map(|(key, left)| row(key, RowChange::Left, names(&left.changed), Vec::new(), None));
    inserts.chain(updates).chain(deletes).chain(conflicts).chain(left).take(limit).collect()
}
