//! `keepsake restore ... --server` and `undo --server`: a preview made by the service, a question, and exactly that done.

use super::{
    Asking, find, login, only_here,
    watch::{self, Work},
};
use crate::{
    cli::{self, Point},
    output::table,
};
use keepsake_api::{
    executions::{ExecutionError, Progress},
    operations::{
        ConflictHandling, NewRecovery, NewUndo, Operation, OperationDetail, OperationState, RecoveryMode,
        RecoveryScope, RecoveryTarget, StartedOperation, WeddingGroup,
    },
};
use keepsake_app::{Code, Error, Result};
use keepsake_domain::{
    Group,
    restore::{ConflictRule, Mode},
};

impl Work for OperationDetail {
    fn progress(&self) -> Option<&Progress> {
        Some(&self.operation.progress)
    }

    fn has_ended(&self) -> bool {
        self.operation.ended_at.is_some()
    }

    fn error(&self) -> Option<&ExecutionError> {
        self.operation.error.as_ref()
    }
}

pub async fn run(asking: &Asking, asked: &cli::Restore) -> Result<()> {
    match asked {
        cli::Restore::Wedding(asked) => wedding(asking, asked).await,
        cli::Restore::Database { .. } | cli::Restore::Files { .. } => {
            let text = "over a service single weddings are restored; whole databases and files at the machine, with --storage and the master key";
            Err(Error::new(Code::Usage, text))
        }
    }
}

async fn wedding(asking: &Asking, asked: &cli::RestoreWedding) -> Result<()> {
    only_here(asked.vault.is_some(), "--vault")?;
    only_here(asked.mapping.is_some(), "--mapping")?;
    only_here(asked.files_root.is_some(), "--files-root")?;
    let wedding = find::wedding(&asking.server, &asked.id, asked.target.target.as_deref()).await?;
    let mut new = NewRecovery {
        wedding_id: wedding.id,
        recovery_point_id: match asked.point {
            Point::Latest => None,
            Point::Id(id) => Some(*id.as_uuid()),
        },
        target_time: None,
        scope: if asked.only.is_empty() { RecoveryScope::WeddingOnly } else { RecoveryScope::Selective },
        groups: asked.only.iter().copied().map(group).collect(),
        target: if asked.side_schema.is_some() { RecoveryTarget::SideSchema } else { RecoveryTarget::Live },
        side_schema: asked.side_schema.clone(),
        mode: Some(mode(asked.mode)),
        conflicts: conflicts(asked.conflicts),
        preview_hash: asked.preview_hash.clone(),
        reason: asked.reason.reason.clone(),
    };
    login::fresh(asking).await?;
    let seen = asked.preview_hash.is_some() && asked.yes && !asked.dry_run;
    if !seen {
        let preview = initiate(asking, "?validate_only=true", &new, "previewing").await?;
        if asked.dry_run {
            asking.output.result(&preview, preview_text);
            return Ok(());
        }
        asking.output.note(&preview_text(&preview));
        if !asked.yes && !asking.output.confirm("Restore this?") {
            return Err(Error::new(Code::ConfirmNeeded, "nobody said yes to the preview, so nothing was changed"));
        }
        // The same point, too: a newer one may have come since.
        new.recovery_point_id = Some(preview.operation.recovery_point_id);
        new.preview_hash.clone_from(&preview.operation.preview_hash);
        login::fresh(asking).await?;
    }
    let done = initiate(asking, "", &new, "restoring").await?;
    asking.output.result(&done, |done| summary(&done.operation));
    Ok(())
}

pub async fn undo(asking: &Asking, asked: &cli::Undo) -> Result<()> {
    only_here(asked.files_root.is_some(), "--files-root")?;
    if asked.dry_run {
        return Err(Error::new(
            Code::Usage,
            "a service shows no preview of an undo: `keepsake restore wedding --dry-run --point` with its point does",
        ));
    }
    if !asked.yes && !asking.output.confirm("Put back the state before that restore?") {
        return Err(Error::new(Code::ConfirmNeeded, "nobody said yes, so nothing was changed"));
    }
    login::fresh(asking).await?;
    let new = NewUndo { reason: asked.reason.reason.clone() };
    let place = format!("/api/backup/recovery/operations/{}/undo", asked.operation);
    let started: StartedOperation = asking.server.post(&place, &new).await?;
    let done = ended(asking, &started, "undoing").await?;
    asking.output.result(&done, |done| summary(&done.operation));
    Ok(())
}

async fn initiate(asking: &Asking, query: &str, new: &NewRecovery, what: &str) -> Result<OperationDetail> {
    let place = format!("/api/backup/recovery/initiate{query}");
    let started: StartedOperation = asking.server.post(&place, new).await?;
    ended(asking, &started, what).await
}

async fn ended(asking: &Asking, started: &StartedOperation, what: &str) -> Result<OperationDetail> {
    let place = format!("/api/backup/recovery/operations/{}", started.operation_id);
    let ended: OperationDetail = watch::until_ended(asking, what, &place, true).await?;
    match ended.operation.state {
        OperationState::Completed | OperationState::Previewed => Ok(ended),
        _ => Err(watch::failure(ended.error(), "it was cancelled, and nothing was changed")),
    }
}

fn preview_text(detail: &OperationDetail) -> String {
    let operation = &detail.operation;
    let mut text = format!("Restore from point {}\n\n", operation.recovery_point_id);
    let count = |count: u64| if count == 0 { "-".to_owned() } else { count.to_string() };
    let head = ["TABLE", "GROUP", "CAPTURED", "INSERT", "UPDATE", "DELETE", "SAME", "LEFT", "CONFLICT"];
    let plan = operation.plan.clone().unwrap_or_default();
    let rows: Vec<Vec<String>> = plan
        .tables
        .iter()
        .map(|table| {
            let counts =
                [table.captured, table.insert, table.update, table.delete, table.same, table.left, table.conflict];
            [table.name.clone(), table.group.clone()].into_iter().chain(counts.map(count)).collect()
        })
        .collect();
    text.push_str(&table(&head, &rows));
    for (title, lines) in [("It cannot be applied:", &plan.refusals), ("Warnings:", &plan.warnings)] {
        if !lines.is_empty() {
            text.push_str(&format!("\n{title}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    }
    if let Some(hash) = &operation.preview_hash {
        text.push_str(&format!("\npreview hash {hash}\n"));
    }
    text
}

fn summary(operation: &Operation) -> String {
    let plan = operation.plan.clone().unwrap_or_default();
    let rows = |count: fn(&keepsake_api::operations::TableChange) -> u64| plan.tables.iter().map(count).sum::<u64>();
    format!(
        "operation {}\n  restored from point {}: {} rows inserted, {} updated, {} deleted\n  to undo: keepsake undo {}",
        operation.id,
        operation.recovery_point_id,
        rows(|table| table.insert),
        rows(|table| table.update),
        rows(|table| table.delete),
        operation.id,
    )
}

fn group(group: Group) -> WeddingGroup {
    match group {
        Group::Wedding => WeddingGroup::Wedding,
        Group::Guests => WeddingGroup::Guests,
        Group::Timeline => WeddingGroup::Timeline,
        Group::Vendors => WeddingGroup::Vendors,
        Group::Photos => WeddingGroup::Photos,
        Group::Documents => WeddingGroup::Documents,
        Group::Budget => WeddingGroup::Budget,
        Group::Other => WeddingGroup::Other,
    }
}

fn mode(mode: Mode) -> RecoveryMode {
    match mode {
        Mode::Merge => RecoveryMode::Merge,
        Mode::Revert => RecoveryMode::Revert,
        Mode::Exact => RecoveryMode::Exact,
    }
}

fn conflicts(rule: ConflictRule) -> ConflictHandling {
    match rule {
        ConflictRule::Leave => ConflictHandling::Leave,
        ConflictRule::Take => ConflictHandling::Take,
        ConflictRule::Fail => ConflictHandling::Fail,
    }
}
