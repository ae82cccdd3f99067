//! The pre-recovery snapshot: the present state of the wedding, saved into the same vault before anything changes (safety
//! rules S2, S6, S8). It also says which operation it undoes and what that operation was allowed to touch.

use super::{place::copy_in, prepare::Prepared};
use crate::{
    backup::{self, Backed, Ended, Target, Weddings, capture_error},
    bridge::IntoVault,
    context::Context,
    error::{Code, Error, Result},
    vaults::vault_error,
};
use bytes::Bytes;
use futures::TryStreamExt;
use keepsake_domain::{OperationId, PointId, restore::Scope};
use keepsake_postgres::{
    capture::{
        self, FileEntry, FileSink, FileState, FileStore, Manifest, PortError, RowHasher, Sink, Source, file_path,
        scope_hash,
    },
    restore::{DirectorySource, FileAction},
};
use keepsake_vault::backup::{Backup, BackupOptions, Depth};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};

/// What a pre-recovery snapshot says of its operation: `operation.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct About {
    /// Version of this document, 1.
    pub version: u32,
    /// The operation.
    pub operation: OperationId,
    /// The point that was restored.
    pub point: PointId,
    /// The wedding.
    pub wedding: String,
    /// The groups that the restore could touch, and an undo may.
    pub scope: Scope,
}

/// Where `operation.json` is in the snapshot.
pub(super) const ABOUT: &str = "operation.json";
const MANIFEST: &str = "manifest.json";

/// The present state, saved: its point, and its manifest, against which the locked rows are compared.
#[derive(Debug)]
pub(super) struct Saved {
    pub backed: Backed,
    pub manifest: Manifest,
}

/// Saves the present state.
pub(super) async fn save(context: &Context, prepared: &Prepared, operation: OperationId) -> Result<Saved> {
    let target = Target::new(prepared.vault_id(), prepared.vault());
    backup::one(context, target, |target| Box::pin(save_into(context, prepared, operation, target))).await
}

async fn save_into(
    context: &Context,
    prepared: &Prepared,
    operation: OperationId,
    target: Target,
) -> Result<Ended<Saved>> {
    let backup = Arc::new(session(context, &target)?);
    let sink = Arc::new(WithoutManifest { into: IntoVault(Arc::clone(&backup)) });
    let captured = if prepared.plan.root_exists {
        capture_live(context, prepared, &sink).await
    } else {
        nothing(prepared, sink.as_ref()).await
    };
    let written = match captured {
        Ok(manifest) => finish(prepared, &sink, manifest, operation).await,
        Err(error) => Err(error),
    };
    drop(sink);
    let backup = Arc::into_inner(backup)
        .ok_or_else(|| Error::new(Code::CaptureFailed, "the capture did not let go of its files"))?;
    match written {
        Ok(manifest) => {
            let time = manifest.captured_at;
            let ended = backup::commit_pre_recovery(context, target, backup, operation, time).await?;
            Ok(ended.map(|backed| Saved { backed, manifest }))
        }
        Err(error) => {
            backup.abort().await;
            Err(error)
        }
    }
}

fn session(context: &Context, target: &Target) -> Result<Backup> {
    let options = BackupOptions {
        cancel: context.cancel.clone(),
        clock: Arc::clone(&context.clock),
        // Live data are about to be changed: what they were must be beyond doubt.
        proof: Depth::Read,
        ..BackupOptions::default()
    };
    target.vault.backup(&context.engine, options).map_err(backup::backup_error)
}

async fn capture_live(context: &Context, prepared: &Prepared, sink: &Arc<WithoutManifest>) -> Result<Manifest> {
    let ids = [prepared.asked.wedding.clone()];
    let sinks = |_: &str| -> Arc<dyn Sink> { Arc::clone(sink) as Arc<dyn Sink> };
    let options = capture::Options { cancel: context.cancel.clone(), ..capture::Options::default() };
    let from = Weddings {
        dsn: &prepared.asked.target,
        mapping: &prepared.mapping,
        files: &prepared.stores,
        source_name: None,
    };
    let request = capture::Request {
        mapping: &from.mapping.mapping,
        mapping_text: Some(&from.mapping.text),
        ids: &ids,
        sinks: &sinks,
        files: Some(from.files),
        options,
    };
    let captured = capture::weddings(from.dsn, &request).await.map_err(capture_error)?;
    let captured = captured.into_iter().next();
    let captured = captured.ok_or_else(|| Error::new(Code::CaptureFailed, "the present state was not captured"))?;
    if captured.incomplete {
        return Err(Error::new(
            Code::RestoreRefused,
            "the present state cannot be saved whole: some of the wedding's files cannot be read",
        ));
    }
    Ok(captured.manifest)
}

/// The wedding is gone from live: its present state is that there is nothing.
async fn nothing(prepared: &Prepared, sink: &WithoutManifest) -> Result<Manifest> {
    let text = super::prepare::document(prepared.source.as_ref(), MANIFEST).await?;
    let mut manifest: Manifest = serde_json::from_str(&text)
        .map_err(|error| Error::because(Code::VaultDamaged, "the point's manifest cannot be read", error))?;
    let empty = RowHasher::new();
    for table in &mut manifest.tables {
        table.rows = 0;
        table.hash = empty.hex();
        write(sink, &table.path, Bytes::new()).await?;
    }
    manifest.references.clear();
    manifest.files.clear();
    manifest.issues.clear();
    manifest.scope_hash = scope_hash(&manifest.tables);
    for path in ["schema/schema.json", "schema/mapping.toml"] {
        let text = super::prepare::document(prepared.source.as_ref(), path).await?;
        write(sink, path, text.into()).await?;
    }
    Ok(manifest)
}

/// Adds live files that the restore concerns and that no live row names, then the manifest, then what this snapshot is.
///
/// Those that stay as they are, too: rows that come back will name them, and when an undo takes these rows away again it
/// must know that the files were there before, or it would delete them.
async fn finish(
    prepared: &Prepared,
    sink: &WithoutManifest,
    mut manifest: Manifest,
    operation: OperationId,
) -> Result<Manifest> {
    for file in &prepared.plan.files.entries {
        let there = !matches!(file.action, FileAction::Put | FileAction::Lost);
        let saved = manifest.files.iter().any(|entry| entry.store == file.store && entry.path == file.path);
        if !there || saved {
            continue;
        }
        let Some(column) = prepared.mapping.mapping.files.iter().find(|column| column.store == file.store) else {
            continue;
        };
        let failed = |error| Error::because(Code::FilesFailed, format!("{} cannot be saved first", file.path), error);
        let Some(opened) = prepared.stores.open(&file.store, &file.path).await.map_err(failed)? else { continue };
        let (size_bytes, sha256) =
            copy_in(sink, &file_path(&file.store, &file.path), opened.bytes).await.map_err(failed)?;
        manifest.files.push(FileEntry {
            store: file.store.clone(),
            path: file.path.clone(),
            table: column.table.clone(),
            column: column.column.clone(),
            group: file.group,
            size_bytes: Some(size_bytes),
            sha256: Some(sha256),
            etag: opened.meta.etag,
            version: opened.meta.version,
            state: FileState::Captured,
        });
    }
    let about = About {
        version: 1,
        operation,
        point: prepared.point.id,
        wedding: prepared.asked.wedding.clone(),
        scope: prepared.asked.scope.clone(),
    };
    write(&sink.into, MANIFEST, to_json(&manifest)?).await?;
    write(sink, ABOUT, to_json(&about)?).await?;
    Ok(manifest)
}

fn to_json<T: Serialize>(document: &T) -> Result<Bytes> {
    serde_json::to_vec_pretty(document)
        .map(Bytes::from)
        .map_err(|error| Error::because(Code::CaptureFailed, "a document could not be written", error))
}

/// Adds what changed between the saved state and the locks to the vault, so that the undo works from any machine: a second
/// snapshot of the operation, the first with the difference over it.
pub(super) async fn merge_difference(
    context: &Context,
    prepared: &Prepared,
    operation: OperationId,
    difference: &Path,
) -> Result<Backed> {
    // The saved state may lie in packs that only the index in the store names.
    let vault = backup::load(context, prepared.vault.to_open()).await?;
    let target = Target::new(prepared.vault_id(), Arc::new(vault));
    backup::one(context, target, |target| Box::pin(merge_into(context, prepared, operation, difference, target))).await
}

async fn merge_into(
    context: &Context,
    prepared: &Prepared,
    operation: OperationId,
    difference: &Path,
    target: Target,
) -> Result<Ended<Backed>> {
    let vault = &target.vault;
    let saved = super::undo::saved_state(context, vault, prepared.point.vault, operation).await?;
    let backup = Arc::new(session(context, &target)?);
    let sink = IntoVault(Arc::clone(&backup));
    let over = DirectorySource::new(difference);
    let merged = async {
        let mut entries = Box::pin(vault.walk(saved.document.tree, context.cancel.clone()));
        let unreadable = |error| vault_error("the saved state cannot be read back", error);
        while let Some(found) = entries.try_next().await.map_err(unreadable)? {
            let path = String::from_utf8_lossy(&found.path).into_owned();
            if found.node.kind != keepsake_vault::tree::Kind::File || over.open(&path).await.is_ok_and(|o| o.is_some())
            {
                continue;
            }
            let read = vault.read(&context.engine, &saved.document, &path, &context.cancel).await;
            let bytes =
                read.map_err(|error| Error::because(Code::VaultDamaged, "the saved state cannot be read", error))?;
            let bytes = Box::pin(bytes.map_err(PortError::from));
            copy_in(&sink, &path, bytes)
                .await
                .map_err(|error| Error::because(Code::StorageFailed, "the difference could not be stored", error))?;
        }
        add_folder(&sink, difference, difference).await
    };
    let merged = merged.await;
    drop(sink);
    let backup = Arc::into_inner(backup)
        .ok_or_else(|| Error::new(Code::CaptureFailed, "the backup did not let go of its files"))?;
    match merged {
        Ok(()) => backup::commit_pre_recovery(context, target, backup, operation, context.clock.now()).await,
        Err(error) => {
            backup.abort().await;
            Err(error)
        }
    }
}

async fn add_folder(sink: &IntoVault, root: &Path, folder: &Path) -> Result<()> {
    let failed = |error| Error::because(Code::HomeFailed, "the spooled difference cannot be read", error);
    let mut pending = vec![folder.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                pending.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let bytes = std::fs::read(&path).map_err(failed)?;
            write(sink, &name, bytes.into()).await?;
        }
    }
    Ok(())
}

async fn write<S: Sink + ?Sized>(sink: &S, path: &str, bytes: Bytes) -> Result<()> {
    let failed = |error| Error::because(Code::StorageFailed, format!("{path} could not be stored"), error);
    let mut file = sink.create(path).await.map_err(failed)?;
    if !bytes.is_empty() {
        file.write(bytes).await.map_err(failed)?;
    }
    file.finish().await.map_err(failed)
}

/// A sink that lets the manifest pass by: more belongs into it, and it is written at the end.
struct WithoutManifest {
    into: IntoVault,
}

struct PassedBy;

#[async_trait::async_trait]
impl Sink for WithoutManifest {
    async fn create(&self, path: &str) -> Result<Box<dyn FileSink>, PortError> {
        if path == MANIFEST { Ok(Box::new(PassedBy)) } else { self.into.create(path).await }
    }
}

#[async_trait::async_trait]
impl FileSink for PassedBy {
    async fn write(&mut self, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}
