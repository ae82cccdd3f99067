//! A plan as people read it.

use crate::output::table;
use keepsake_postgres::restore::{FileAction, Plan, RowChange, WritePath};

/// Rows shown for each table.
const ROWS_SHOWN: usize = 5;

/// The preview as text.
pub fn text(plan: &Plan) -> String {
    let mut out = format!(
        "Restore of wedding {} as it was at {:.0} ({}, {})\n\n",
        plan.request.wedding, plan.captured_at, plan.request.mode, plan.request.scope
    );
    out.push_str(&tables(plan));
    out.push_str(&rows(plan));
    out.push_str(&files(plan));
    let mut list = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{title}\n"));
            lines.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
        }
    };
    list("It cannot be applied:", plan.refusals.clone());
    list("Edges of the mapping that nobody has decided yet:", plan.assumed_edges.clone());
    list("Others will notice:", downstream(plan));
    list("Warnings:", plan.warnings.clone());
    if plan.is_empty() {
        out.push_str("\nNothing would change.\n");
    }
    out.push_str(&format!("\npreview hash {}\n", plan.preview_hash));
    out
}

fn tables(plan: &Plan) -> String {
    let head = ["TABLE", "GROUP", "CAPTURED", "INSERT", "UPDATE", "DELETE", "SAME", "LEFT", "CONFLICT"];
    let rows: Vec<Vec<String>> = plan
        .tables
        .iter()
        .map(|table| {
            let count = |count: u64| if count == 0 { "-".to_owned() } else { count.to_string() };
            vec![
                table.name.to_string(),
                table.group.to_string(),
                count(table.captured),
                count(table.insert),
                count(table.update),
                count(table.delete),
                count(table.same),
                count(table.left),
                count(table.conflict),
            ]
        })
        .collect();
    table(&head, &rows)
}

fn rows(plan: &Plan) -> String {
    let mut out = String::new();
    for table in &plan.tables {
        let shown: Vec<_> = table.rows.iter().filter(|row| row.change != RowChange::Left).take(ROWS_SHOWN).collect();
        if shown.is_empty() {
            continue;
        }
        out.push_str(&format!("\n{}\n", table.name));
        for row in shown {
            let key: Vec<&str> = row.key.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            let change = match row.change {
                RowChange::Insert => "+",
                RowChange::Delete => "-",
                RowChange::Conflict => "!",
                _ => "~",
            };
            let columns = if row.columns.is_empty() { String::new() } else { format!("  {}", row.columns.join(", ")) };
            let conflict = row.conflict.as_ref().map(|kind| format!("  left alone: {kind:?}")).unwrap_or_default();
            out.push_str(&format!("  {change} {}{columns}{conflict}\n", key.join(", ")));
        }
        let total = table.insert + table.update + table.delete + table.conflict;
        if total > ROWS_SHOWN as u64 {
            out.push_str(&format!("  ... {total} in all; --json lists more\n"));
        }
    }
    out
}

fn files(plan: &Plan) -> String {
    let mut out = String::new();
    for (action, words) in [
        (FileAction::Put, "files come back"),
        (FileAction::Replace, "files are replaced (the present ones are saved)"),
        (FileAction::Delete, "files are deleted after the commit (saved first)"),
        (FileAction::Leave, "files differ and stay"),
        (FileAction::Lost, "files are named by rows, but the point does not hold them"),
    ] {
        let count = plan.files.entries.iter().filter(|file| file.action == action).count();
        if count > 0 {
            out.push_str(&format!("\n{count} {words}"));
        }
    }
    if out.is_empty() { out } else { format!("{out}\n") }
}

fn downstream(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (publication, tables) in &plan.downstream.publications {
        lines.push(format!("publication {publication} sends the changes of {} tables", tables.len()));
    }
    for slot in &plan.downstream.slots {
        lines.push(format!("slot {} ({}) decodes them", slot.name, slot.plugin));
    }
    for (table, identity) in &plan.downstream.replica_identity {
        lines.push(format!("{table} sends old rows as: {identity}"));
    }
    for trigger in &plan.downstream.triggers_fire {
        lines.push(format!("trigger {} on {} fires", trigger.trigger, trigger.table));
    }
    if !plan.downstream.triggers_silent.is_empty() && plan.path == WritePath::Replica {
        lines.push(format!("{} user triggers stay quiet", plan.downstream.triggers_silent.len()));
    }
    for sql in &plan.downstream.after_restore {
        lines.push(format!("afterwards: {sql}"));
    }
    lines
}
