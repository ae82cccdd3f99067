//! Doing what was previewed: the present state saved, files back, rows in one proven transaction, deletions last.

use super::{
    place::{self, Named},
    prepare::Prepared,
    restore_error, save,
    turn::Turn,
    unfinished,
};
use crate::{
    backup::Backed,
    bridge::FromVault,
    context::Context,
    error::{Code, Error, Result},
};
use keepsake_domain::{OperationId, PointId};
use keepsake_postgres::{
    capture::Manifest,
    restore::{self, ApplyOptions, DirectorySpool, FileAction, Proof},
};
use keepsake_vault::engine::Phase;
use serde::Serialize;
use std::{path::Path, sync::Arc};

/// What a restore did.
#[derive(Debug, Serialize)]
pub struct Restored {
    /// The operation: what an undo is asked for by.
    pub operation: OperationId,
    /// The point that was restored.
    pub point: PointId,
    /// The wedding.
    pub wedding: String,
    /// Whether there is a state to go back to: not for a side schema, which touches nothing.
    pub undoable: bool,
    /// Files written.
    pub files_written: u64,
    /// Files deleted.
    pub files_deleted: u64,
    /// How long it took from the first save to the commit.
    pub duration_ms: u64,
    /// Proof of what is in the database now.
    pub proof: Proof,
    /// The points that hold the state before: one, and a second if something changed while it was saved.
    #[serde(skip)]
    pub saved: Vec<Backed>,
}

/// Applies a prepared restore. `pinned` refuses if live has changed since the preview with that hash.
///
/// # Errors
/// By cause; unless the code is [`Code::FilesFailed`] and says otherwise, nothing was changed.
pub async fn apply(context: &Context, prepared: Prepared, pinned: Option<&str>) -> Result<Restored> {
    apply_as(context, prepared, pinned, context.new_operation()?).await
}

/// As [`apply`], under an id that the caller has made: an undo is asked for by it.
///
/// # Errors
/// As [`apply`].
pub async fn apply_as(
    context: &Context,
    mut prepared: Prepared,
    pinned: Option<&str>,
    operation: OperationId,
) -> Result<Restored> {
    if let Some(pinned) = pinned.filter(|pinned| *pinned != prepared.plan.preview_hash) {
        return Err(Error::new(
            Code::PreviewChanged,
            format!("the plan is now {}, not {pinned}", prepared.plan.preview_hash),
        ));
    }
    if !prepared.plan.refusals.is_empty() {
        return Err(Error::new(Code::RestoreRefused, prepared.plan.refusals.join("; ")));
    }
    let subject = format!("vault {} point {} operation {operation}", prepared.point.vault, prepared.point.id);
    context
        .recorded("restore wedding", &subject, async {
            let began = context.clock.now();
            let side = prepared.asked.side_schema.is_some();
            let Done { proof, written, deleted, saved } = match side {
                true => {
                    let proof = rows(context, &mut prepared, operation, pinned, None, None).await?;
                    Done { proof, written: 0, deleted: 0, saved: Vec::new() }
                }
                false => live(context, &mut prepared, operation, pinned).await?,
            };
            let duration = context.clock.now().duration_since(began);
            Ok(Restored {
                operation,
                point: prepared.point.id,
                wedding: prepared.asked.wedding.clone(),
                undoable: !side,
                files_written: written,
                files_deleted: deleted,
                duration_ms: u64::try_from(duration.as_millis()).unwrap_or(0),
                proof,
                saved,
            })
        })
        .await
}

/// What a restore into live or into a side schema did.
struct Done {
    proof: Proof,
    written: u64,
    deleted: u64,
    saved: Vec<Backed>,
}

async fn live(
    context: &Context,
    prepared: &mut Prepared,
    operation: OperationId,
    pinned: Option<&str>,
) -> Result<Done> {
    let _turn = Turn::take(context, prepared.point.vault).await?;
    if unfinished::any(context, prepared.point.vault, &prepared.schema)? {
        let message =
            "another restore of this wedding was killed after this preview, and its files are not set back yet";
        return Err(Error::new(Code::RestoreBusy, message));
    }
    place::finish_deletes(context, prepared).await?;
    let save::Saved { backed, manifest } = save::save(context, prepared, operation).await?;
    let mut saved = vec![backed];
    context.still_wanted()?;
    let spool = context.home.spool(&operation.to_string());
    let deletes = place::list_deletes(prepared, &spool)?;
    unfinished::begin(prepared, operation, &spool).await?;
    let mut done: Vec<(Named, FileAction)> = Vec::new();
    let put = place::put(&prepared.stores, prepared.source.as_ref(), &prepared.plan.files, &mut done).await;
    let outcome = match put {
        Ok(written) => rows(context, prepared, operation, pinned, Some(&manifest), Some(&spool))
            .await
            .map(|proof| (proof, written)),
        Err(error) => Err(error),
    };
    let (proof, written) = match outcome {
        Ok(done) => done,
        // Rows that may have come must find their files: those stay, and what they replaced is saved.
        Err(error) if error.code() == Code::RestoreUncertain => {
            let message = format!("operation {operation} may have taken effect, and its files are in place");
            return Err(Error::because(Code::RestoreUncertain, message, error));
        }
        Err(error) => {
            set_back(context, prepared, operation, &done).await?;
            unfinished::end(&spool)?;
            return Err(error);
        }
    };
    unfinished::end(&spool).map_err(|error| {
        let message = format!("the wedding is restored by operation {operation}, but a list of its files stays behind");
        Error::because(error.code(), message, error)
    })?;
    if proof.difference_saved {
        let kept = spool.join("difference");
        let merged = save::merge_difference(&unhurried(context), prepared, operation, &kept).await.map_err(|error| {
            let message = format!(
                "the wedding is restored by operation {operation}, but what changed during it could not be added to the vault; it \
                 is kept in {}, and an undo on this machine uses it",
                kept.display()
            );
            Error::because(error.code(), message, error)
        })?;
        saved.push(merged);
    }
    let deleted = place::delete(&prepared.stores, &prepared.session, &prepared.mapping.mapping, &deletes).await?;
    let _only_leftovers = std::fs::remove_dir_all(&spool);
    Ok(Done { proof, written, deleted, saved })
}

async fn rows(
    context: &Context,
    prepared: &mut Prepared,
    operation: OperationId,
    pinned: Option<&str>,
    saved: Option<&Manifest>,
    spool: Option<&Path>,
) -> Result<Proof> {
    let name = operation.to_string();
    let spool = match spool {
        Some(folder) => {
            crate::home::private_folder(folder)?;
            Some(DirectorySpool::new(folder.join("difference")))
        }
        None => None,
    };
    let progress = Arc::clone(&context.progress);
    let proving = move || progress.enter(Phase::Finishing);
    context.progress.enter(Phase::Transferring);
    let options = ApplyOptions {
        proving: Some(&proving),
        pinned_hash: pinned,
        saved,
        spool: spool.as_ref().map(|spool| spool as &dyn restore::Spool),
        ..ApplyOptions::new(&name, &context.cancel)
    };
    restore::apply(
        &mut prepared.session,
        &prepared.schema,
        &prepared.mapping.mapping,
        prepared.source.as_ref(),
        &prepared.plan,
        &options,
    )
    .await
    .map_err(restore_error)
}

/// The user may have cancelled, and what a commit or a rollback leaves to be done is done all the same.
fn unhurried(context: &Context) -> Context {
    Context { cancel: tokio_util::sync::CancellationToken::new(), ..context.clone() }
}

/// The rows did not come: the files go back to what they were.
async fn set_back(
    context: &Context,
    prepared: &Prepared,
    operation: OperationId,
    done: &[(Named, FileAction)],
) -> Result<()> {
    if done.is_empty() {
        return Ok(());
    }
    let unhurried = unhurried(context);
    let saved = super::undo::saved_state(&unhurried, &prepared.vault, prepared.point.vault, operation).await?;
    let opened = prepared.vault.to_open().load_index(&unhurried.cancel).await;
    let vault = opened.map_err(|error| crate::vaults::vault_error("the saved state cannot be read", error))?;
    let source = FromVault {
        vault: std::sync::Arc::new(vault),
        engine: unhurried.engine.clone(),
        snapshot: saved.document,
        cancel: unhurried.cancel.clone(),
    };
    place::take_back(prepared, &source, done).await
}
