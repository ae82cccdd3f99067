//! Files of a restore: put back before the rows that name them, taken away again if the rows do not come, and deleted
//! only after the commit, from a durable list (safety rule S6). What a restore that was killed leaves of them is the matter
//! of [`super::unfinished`].

use super::{prepare::Prepared, restore_error};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    home::private_folder,
};
use aws_lc_rs::digest;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use keepsake_domain::VaultId;
use keepsake_postgres::{
    capture::{FileStore, PortError, Sink, Source, file_path},
    connect::Session,
    mapping::Mapping,
    restore::{self, FileAction, FilePlan, PlannedFile, Probe},
    schema::Schema,
};
use serde::{Deserialize, Serialize};
use std::{fs, io::Write, path::Path};

/// A file by store and path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    pub store: String,
    pub path: String,
}

impl From<&PlannedFile> for Named {
    fn from(file: &PlannedFile) -> Self {
        Self { store: file.store.clone(), path: file.path.clone() }
    }
}

/// Puts files back; what was done comes back also from a failure, to be taken away again.
pub(super) async fn put(
    stores: &FileStores,
    source: &dyn Source,
    plan: &FilePlan,
    done: &mut Vec<(Named, FileAction)>,
) -> Result<u64> {
    let mut count = 0;
    for file in &plan.entries {
        if !matches!(file.action, FileAction::Put | FileAction::Replace) {
            continue;
        }
        let failed = |error| Error::because(Code::FilesFailed, format!("{} could not be put back", file.path), error);
        let bytes = source.open(&file_path(&file.store, &file.path)).await.map_err(failed)?;
        let missing = || Error::new(Code::VaultDamaged, format!("the point does not hold {}", file.path));
        // On record before it is done, so that a failure in the middle is taken back too.
        done.push((Named::from(file), file.action));
        let (_, sha256) = stores.write(&file.store, &file.path, bytes.ok_or_else(missing)?).await.map_err(failed)?;
        if file.sha256.as_ref().is_some_and(|expected| *expected != sha256) {
            return Err(Error::new(Code::VaultDamaged, format!("{} came back with other content", file.path)));
        }
        count += 1;
    }
    Ok(count)
}

/// Takes back what [`put`] did: new files go unless a row names them, replaced ones come back from the saved state.
pub(super) async fn take_back(prepared: &Prepared, saved: &dyn Source, done: &[(Named, FileAction)]) -> Result<()> {
    let Prepared { stores, session, mapping, .. } = prepared;
    for (file, action) in done.iter().rev() {
        let failed = |error| {
            Error::because(
                Code::FilesFailed,
                format!("the rows were not restored, and {} could not be set back: undo the operation", file.path),
                error,
            )
        };
        let before = match action {
            FileAction::Replace => saved.open(&file_path(&file.store, &file.path)).await.map_err(failed)?,
            _ => None,
        };
        match before {
            Some(bytes) => stores.write(&file.store, &file.path, bytes).await.map(drop).map_err(failed)?,
            // A restore on another machine may have brought rows that name it. A server that is gone cannot be asked.
            None if restore::still_named(session, &mapping.mapping, &file.path).await.unwrap_or(false) => {}
            None => stores.remove(&file.store, &file.path).await.map_err(failed)?,
        }
    }
    Ok(())
}

/// Files to be deleted after a commit, and for whom: a list that a killed process left is taken up by the next restore of
/// the same wedding into the same database.
#[derive(Debug, Serialize, Deserialize)]
struct Deletes {
    vault: VaultId,
    database: String,
    files: Vec<Named>,
}

const DELETES: &str = "deletes.json";

/// The list of files to be deleted after the commit, on disk before it.
pub(super) fn list_deletes(prepared: &Prepared, folder: &Path) -> Result<Vec<Named>> {
    let plan = &prepared.plan.files;
    let files: Vec<Named> =
        plan.entries.iter().filter(|file| file.action == FileAction::Delete).map(Named::from).collect();
    if !files.is_empty() {
        private_folder(folder)?;
        let failed = |error: std::io::Error| {
            Error::because(Code::HomeFailed, format!("cannot write below {}", folder.display()), error)
        };
        let list =
            Deletes { vault: prepared.point.vault, database: database_of(&prepared.schema), files: files.clone() };
        let text = serde_json::to_vec(&list)
            .map_err(|error| Error::because(Code::HomeFailed, "the list of files cannot be written", error))?;
        let mut file = fs::File::create(folder.join(DELETES)).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(files)
}

/// Which database the rows are in, whatever its address.
pub(super) fn database_of(schema: &Schema) -> String {
    format!("{}/{}", schema.system_identifier.as_deref().unwrap_or("unknown"), schema.database)
}

/// Takes up the lists of operations that were killed after their commit. Whether they committed is not asked: a file that
/// a row still names stays, and one that no row names was to go.
pub(super) async fn finish_deletes(context: &Context, prepared: &Prepared) -> Result<()> {
    let spool = context.home.spool("");
    let Ok(folders) = fs::read_dir(&spool) else { return Ok(()) };
    for folder in folders.flatten() {
        let path = folder.path().join(DELETES);
        let Some(list) = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Deletes>(&text).ok()) else {
            continue;
        };
        if list.vault != prepared.point.vault || list.database != database_of(&prepared.schema) {
            continue;
        }
        delete(&prepared.stores, &prepared.session, &prepared.mapping.mapping, &list.files).await?;
        fs::remove_file(&path)
            .map_err(|error| Error::because(Code::HomeFailed, format!("cannot remove {}", path.display()), error))?;
        // The folder stays while it holds a difference that is not in the vault yet.
        let _not_empty = fs::remove_dir(folder.path());
    }
    Ok(())
}

/// Deletes what no row names any more, of this or any other wedding; how many files went.
pub(super) async fn delete(stores: &FileStores, session: &Session, mapping: &Mapping, files: &[Named]) -> Result<u64> {
    let mut count = 0;
    for file in files {
        if restore::still_named(session, mapping, &file.path).await.map_err(restore_error)? {
            tracing::warn!("a file that another row names was left in place");
            continue;
        }
        stores.remove(&file.store, &file.path).await.map_err(|error| {
            Error::because(
                Code::FilesFailed,
                format!("the rows are restored, but {} could not be deleted", file.path),
                error,
            )
        })?;
        count += 1;
    }
    Ok(count)
}

/// Copies a stream into a capture; its length and SHA-256.
pub(super) async fn copy_in<S: Sink + ?Sized>(
    sink: &S,
    path: &str,
    mut bytes: BoxStream<'static, Result<Bytes, PortError>>,
) -> Result<(u64, String), PortError> {
    let mut file = sink.create(path).await?;
    let mut context = digest::Context::new(&digest::SHA256);
    let mut length = 0;
    while let Some(piece) = bytes.try_next().await? {
        context.update(&piece);
        length += piece.len() as u64;
        file.write(piece).await?;
    }
    file.finish().await?;
    Ok((length, hex::encode(context.finish())))
}

#[async_trait::async_trait]
impl Probe for FileStores {
    async fn probe(&self, store: &str, path: &str) -> Result<Option<(u64, String)>, PortError> {
        let Some(mut opened) = self.open(store, path).await? else { return Ok(None) };
        let mut context = digest::Context::new(&digest::SHA256);
        let mut length = 0;
        while let Some(piece) = opened.bytes.next().await {
            let piece = piece?;
            length += piece.len() as u64;
            context.update(&piece);
        }
        Ok(Some((length, hex::encode(context.finish()))))
    }
}
