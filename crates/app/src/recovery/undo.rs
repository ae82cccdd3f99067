//! Undoing a restore: the same operation, from the state that was saved before it (safety rule S8).

use super::{
    prepare::{Asked, Prepared, document, planned},
    save::{ABOUT, About},
};
use crate::{
    backup::load,
    bridge::FromVault,
    context::Context,
    error::{Code, Error, Result},
    points::{self, Point, Wanted},
    storage::Storage,
    vaults,
};
use keepsake_domain::{
    OperationId, VaultId,
    restore::{ConflictRule, Mode},
};
use keepsake_postgres::{
    capture::Source,
    connect::Dsn,
    restore::{DirectorySource, Overlay},
};
use keepsake_vault::vault::Vault;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What is to be undone, and where.
#[derive(Debug, Clone)]
pub struct Undo<'a> {
    /// The operation.
    pub operation: OperationId,
    /// The vault with its saved state; all are searched if `None`.
    pub vault: Option<VaultId>,
    /// The live database.
    pub target: &'a Dsn,
    /// As [`Asked::files_root`].
    pub files_root: Option<PathBuf>,
    /// As [`Asked::host_files`].
    pub host_files: bool,
    /// As [`Asked::look_only`].
    pub look_only: bool,
}

/// Plans the undo of an operation, from any machine that has the storage and the master key.
///
/// # Errors
/// [`Code::OperationNotFound`]; else those of preparing a restore.
pub async fn prepare_undo(context: &Context, storage: &Storage, undo: Undo<'_>) -> Result<Prepared> {
    let Undo { operation, vault, target, files_root, host_files, look_only } = undo;
    let points = points::list(context, storage, vault, true).await?;
    let point = newest_of(points, operation)?;
    let opened = vaults::open(context, storage, point.vault).await?;
    let vault = Arc::new(load(context, opened).await?);
    let base: Arc<dyn Source> = Arc::new(FromVault {
        vault: Arc::clone(&vault),
        engine: context.engine.clone(),
        snapshot: point.document.clone(),
        cancel: context.cancel.clone(),
    });
    // A difference that could not be added to the vault after the restore is still here, if this is the machine.
    let source = with_difference(base, &context.home.spool(&operation.to_string()).join("difference"));
    let about = about(source.as_ref()).await?;
    let asked = Asked {
        target: target.clone(),
        wedding: about.wedding,
        point: Wanted::Id(point.id),
        vault: Some(point.vault),
        mapping: None,
        scope: about.scope,
        mode: Mode::Exact,
        conflicts: ConflictRule::Leave,
        side_schema: None,
        files_root,
        host_files,
        look_only,
    };
    planned(context, asked, point, vault, source).await
}

/// A saved state with the difference that lies in a folder over it, if there is one.
pub(super) fn with_difference(base: Arc<dyn Source>, difference: &Path) -> Arc<dyn Source> {
    match difference.is_dir() {
        true => Arc::new(Overlay { over: Arc::new(DirectorySource::new(difference.to_owned())), base }),
        false => base,
    }
}

/// What a saved state says of the operation that it undoes.
pub(super) async fn about(saved: &dyn Source) -> Result<About> {
    let text = document(saved, ABOUT).await?;
    serde_json::from_str(&text)
        .map_err(|error| Error::because(Code::VaultDamaged, "the saved state does not say what it undoes", error))
}

/// The newest state that was saved for an operation.
pub(super) async fn saved_state<S: Sync>(
    context: &Context,
    vault: &Vault<S>,
    id: VaultId,
    operation: OperationId,
) -> Result<Point> {
    newest_of(points::of_vault(context, id, vault).await?, operation)
}

fn newest_of(points: Vec<Point>, operation: OperationId) -> Result<Point> {
    // Ids are UUIDv7: of two states saved for one operation, the later has the greater one.
    points
        .into_iter()
        .filter(|point| point.is_pre_recovery() && point.operation == Some(operation))
        .max_by_key(|point| point.id)
        .ok_or_else(|| {
            Error::new(
                Code::OperationNotFound,
                format!("no saved state of an operation {operation} is in this storage"),
            )
        })
}
