//! Files of a restore that was killed after it wrote some of them and before its rows were committed: set back by the next
//! operation on that wedding (safety rule S6).
//!
//! Before a restore writes its first file, a list of all that it may write is on disk; it goes away with the commit, or
//! when the files are set back. A list that is still there, while its [`Turn`] is free, is of a process that died. Whether
//! its rows came decides:
//!
//! - The server may still be at work for the dead process: it is waited for, so that no commit can come later.
//! - If live rows are exactly as they were saved before that restore, its rows did not come. What it replaced comes back
//!   from the saved state, what it added goes.
//! - If they differ, its rows came, or somebody has changed others since, and nobody can tell which. What it replaced stays,
//!   since rows that came may rely on it; an undo of the operation brings it back.
//!
//! Either way only a file with the very content that the restore would have written is touched, and none that it added is
//! removed while a live row names it. What died between writing a file and naming it leaves no half of it either.
//! docs/format/operation.md specifies the list.

use super::{
    place::{Named, database_of},
    prepare, restore_error,
    turn::Turn,
    undo,
};
use crate::{
    bridge::FromVault,
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    home::private_folder,
    mapping::Written,
};
use keepsake_domain::{
    OperationId, VaultId,
    restore::{ConflictRule, Mode},
};
use keepsake_postgres::{
    capture::{Source, file_path},
    connect::Session,
    restore::{self, FileAction, Limits, Probe, ReplicaRole, Request, Target},
    schema::Schema,
};
use keepsake_vault::vault::{Indexed, Vault};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// What a restore may have done to files, on disk before it does.
#[derive(Debug, Serialize, Deserialize)]
struct List {
    version: u32,
    vault: VaultId,
    database: String,
    operation: OperationId,
    files_root: Option<PathBuf>,
    backend: Backend,
    files: Vec<Listed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Listed {
    #[serde(flatten)]
    file: Named,
    /// Whether another content was there, which the saved state holds.
    replaces: bool,
    /// SHA-256 of what is written, hex.
    sha256: String,
}

/// A server's process: its number is used again, but not with the same beginning.
#[derive(Debug, Serialize, Deserialize)]
struct Backend {
    pid: i32,
    started: String,
}

const LIST: &str = "files.json";
/// Version of the list that this build writes.
const VERSION: u32 = 1;

/// Longest wait for what the server still does for a process that died.
const WAIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

/// Puts the list of files that will be written on disk, in the operation's folder.
pub(super) async fn begin(prepared: &prepare::Prepared, operation: OperationId, folder: &Path) -> Result<()> {
    let plan = &prepared.plan.files;
    let written = plan.entries.iter().filter(|file| matches!(file.action, FileAction::Put | FileAction::Replace));
    let listed = written.filter_map(|file| {
        let replaces = file.action == FileAction::Replace;
        Some(Listed { file: Named::from(file), replaces, sha256: file.sha256.clone()? })
    });
    let files: Vec<Listed> = listed.collect();
    if files.is_empty() {
        return Ok(());
    }
    let list = List {
        version: VERSION,
        vault: prepared.point.vault,
        database: database_of(&prepared.schema),
        operation,
        files_root: prepared.asked.files_root.clone(),
        backend: backend(&prepared.session).await?,
        files,
    };
    private_folder(folder)?;
    write(folder, &list)
        .map_err(|error| Error::because(Code::HomeFailed, format!("cannot write below {}", folder.display()), error))
}

/// Whole or not at all: half a list would set back half the files.
fn write(folder: &Path, list: &List) -> io::Result<()> {
    let partial = folder.join("files.partial");
    let mut file = fs::File::create(&partial)?;
    file.write_all(&serde_json::to_vec(list)?)?;
    file.sync_all()?;
    fs::rename(&partial, folder.join(LIST))?;
    fs::File::open(folder)?.sync_all()?;
    // The folder's own name must last too.
    folder.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}

/// Drops the list: the rows were committed, or the files are set back.
pub(super) fn end(folder: &Path) -> Result<()> {
    let path = folder.join(LIST);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::because(Code::HomeFailed, format!("cannot remove {}", path.display()), error))
        }
        _ => Ok(()),
    }
}

/// Where a restore is headed.
pub(super) struct Headed<'a> {
    pub vault_id: VaultId,
    pub vault: &'a Arc<Vault<Indexed>>,
    pub session: &'a mut Session,
    pub schema: &'a Schema,
    pub wedding: &'a str,
}

/// Sets back what operations that were killed left behind, if any were. Afterwards there is no list.
pub(super) async fn settle(context: &Context, mut to: Headed<'_>) -> Result<()> {
    if lists(context, &to)?.is_empty() {
        return Ok(());
    }
    let _turn = Turn::take(context, to.vault_id).await?;
    // Asked again: whoever had the turn may have ended well.
    for (folder, list) in lists(context, &to)? {
        let subject = format!("vault {} operation {}", list.vault, list.operation);
        context.recorded("settle killed restore", &subject, one(context, &mut to, &list, &folder)).await?;
        end(&folder)?;
        // It stays while it holds a list of deletions, or a difference that is not in the vault yet.
        let _not_empty = fs::remove_dir(&folder);
    }
    Ok(())
}

/// What a preview says of operations that were killed; nothing is done about them.
pub(super) fn warnings(context: &Context, to: &Headed<'_>) -> Result<Vec<String>> {
    let said = |(_, list): (PathBuf, List)| {
        format!(
            "operation {} has not ended: the files that it wrote are set back before the next restore or undo, unless its rows came",
            list.operation
        )
    };
    Ok(lists(context, to)?.into_iter().map(said).collect())
}

/// Whether a list is there. With the turn taken, it is of an operation that was killed.
pub(super) fn any(context: &Context, vault: VaultId, schema: &Schema) -> Result<bool> {
    Ok(!listed(context, vault, schema)?.is_empty())
}

fn lists(context: &Context, to: &Headed<'_>) -> Result<Vec<(PathBuf, List)>> {
    listed(context, to.vault_id, to.schema)
}

fn listed(context: &Context, vault: VaultId, schema: &Schema) -> Result<Vec<(PathBuf, List)>> {
    let Ok(folders) = fs::read_dir(context.home.spool("")) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for folder in folders.flatten().map(|entry| entry.path()) {
        let path = folder.join(LIST);
        let unusable =
            |error: io::Error| Error::because(Code::HomeFailed, format!("cannot read {}", path.display()), error);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => continue,
            Err(error) => return Err(unusable(error)),
        };
        let list: List = serde_json::from_slice(&text).map_err(|error| unusable(error.into()))?;
        if list.version > VERSION {
            return Err(unusable(io::Error::other("it was written by a newer version of Keepsake: use that one")));
        }
        if list.vault == vault && list.database == database_of(schema) {
            found.push((folder, list));
        }
    }
    // Ids are UUIDv7: the oldest last, so that the oldest content is what stays.
    found.sort_by_key(|(_, list)| std::cmp::Reverse(list.operation));
    Ok(found)
}

async fn one(context: &Context, to: &mut Headed<'_>, list: &List, folder: &Path) -> Result<()> {
    until_gone(context, to.session, list).await?;
    let Some(saved) = saved(context, to, list, folder).await? else {
        tracing::warn!(operation = %list.operation, "a killed restore's files stay: its saved state does not fit any more");
        return Ok(());
    };
    let root = list.files_root.as_ref().map(|root| root.display().to_string());
    let stores = FileStores::open(&saved.mapping.mapping, root.as_deref(), &context.clock)?;
    let (mut back, mut left) = (0_u64, 0_u64);
    for Listed { file, replaces, sha256 } in list.files.iter().rev() {
        let failed = |error| {
            let message = format!("{} could not be set back after a restore that was killed", file.path);
            Error::because(Code::FilesFailed, message, error)
        };
        stores.remove_half(&file.store, &file.path).await.map_err(failed)?;
        let now = stores.probe(&file.store, &file.path).await.map_err(failed)?;
        let written = now.as_ref().is_some_and(|(_, now)| now == sha256);
        match (replaces, saved.rows_as_now) {
            // In a bucket the old object goes before the new one comes.
            (true, true) if written || now.is_none() => {
                let Some(bytes) = saved.source.open(&file_path(&file.store, &file.path)).await.map_err(failed)? else {
                    left += 1;
                    continue;
                };
                stores.write(&file.store, &file.path, bytes).await.map_err(failed)?;
                back += 1;
            }
            (true, false) if written => left += 1,
            (false, _) if written => {
                let named = restore::still_named(to.session, &saved.mapping.mapping, &file.path);
                if named.await.map_err(restore_error)? {
                    left += 1;
                } else {
                    stores.remove(&file.store, &file.path).await.map_err(failed)?;
                    back += 1;
                }
            }
            _ => {}
        }
    }
    tracing::warn!(operation = %list.operation, "a restore was killed: {back} of its files are set back, {left} stay");
    Ok(())
}

/// The state before an operation.
pub(super) struct Saved {
    source: Arc<dyn Source>,
    mapping: Written,
    /// Whether live rows are exactly those.
    pub(super) rows_as_now: bool,
}

/// `None` if it cannot be compared with live any more.
async fn saved(context: &Context, to: &mut Headed<'_>, list: &List, folder: &Path) -> Result<Option<Saved>> {
    match compared(context, to, list.operation, folder).await {
        Ok(saved) => Ok(Some(saved)),
        // An emergency must not wait for something that will not change; what may pass is asked again.
        Err(error) if error.code().may_retry() => Err(error),
        Err(error) => {
            tracing::warn!(operation = %list.operation, error = %error.chain(), "a killed restore cannot be looked into");
            Ok(None)
        }
    }
}

pub(super) async fn compared(
    context: &Context,
    to: &mut Headed<'_>,
    operation: OperationId,
    folder: &Path,
) -> Result<Saved> {
    let point = undo::saved_state(context, to.vault, to.vault_id, operation).await?;
    let base: Arc<dyn Source> = Arc::new(FromVault {
        vault: Arc::clone(to.vault),
        engine: context.engine.clone(),
        snapshot: point.document,
        cancel: context.cancel.clone(),
    });
    let source = undo::with_difference(base, &folder.join("difference"));
    let mapping = prepare::stored_mapping(source.as_ref()).await?;
    mapping.check_fit(to.schema)?;
    let request = Request {
        wedding: to.wedding.to_owned(),
        scope: undo::about(source.as_ref()).await?.scope,
        mode: Mode::Exact,
        conflicts: ConflictRule::Leave,
        target: Target::Live,
        limits: Limits::default(),
    };
    let plan =
        restore::plan(to.session, to.schema, &mapping.mapping, source.as_ref(), &request, None, ReplicaRole::Auto);
    let plan = plan.await.map_err(restore_error)?;
    let differs = |table: &restore::TablePlan| table.insert + table.update + table.delete + table.left + table.conflict;
    let rows_as_now = plan.tables.iter().all(|table| differs(table) == 0);
    Ok(Saved { source, mapping, rows_as_now })
}

/// The server's process that works for this session.
async fn backend(session: &Session) -> Result<Backend> {
    let query =
        "SELECT pid, extract(epoch FROM backend_start)::text FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    let row = session.client.query_one(query, &[]).await.map_err(unasked)?;
    Ok(Backend { pid: row.get(0), started: row.get(1) })
}

/// Waits until the server does nothing more for a process that died: what it was told last may have been to commit.
async fn until_gone(context: &Context, session: &Session, list: &List) -> Result<()> {
    // What a role may not see of others counts as being at work.
    let query = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND \
                 coalesce(extract(epoch FROM backend_start)::text = $2, true) AND state IS DISTINCT FROM 'idle'";
    let mut waited = Duration::ZERO;
    loop {
        let row =
            session.client.query_one(query, &[&list.backend.pid, &list.backend.started]).await.map_err(unasked)?;
        if row.get::<_, i64>(0) == 0 {
            return Ok(());
        }
        if waited >= WAIT {
            return Err(Error::new(
                Code::RestoreBusy,
                format!("operation {} was killed, and the server is still at work for it", list.operation),
            ));
        }
        context.still_wanted()?;
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

fn unasked(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::because(Code::DatabaseUnreachable, "the server could not be asked what it is doing", error)
}
