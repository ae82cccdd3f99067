//! Backing up weddings: several of one source in one pass over one snapshot (safety rule S11).

use super::{
    Backed,
    commit::{Label, Running, backup_error},
    files::load,
};
use crate::{
    bridge::IntoVault,
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    issue::Issue,
    mapping::Written,
    recovery, source,
    storage::Storage,
    vaults::{self, Birth},
};
use jiff::Timestamp;
use keepsake_domain::{
    Group, OperationId, VaultId,
    integrity::Score,
    point::Kind,
    suspect::{GroupSummary, Summary},
};
use keepsake_keys::Subject;
use keepsake_postgres::{
    capture::{self, Captured, FileEntry, FileState, Sink},
    connect::{Dsn, Purpose},
    schema,
};
use keepsake_vault::{
    backup::{Backup, BackupOptions, Depth},
    engine::Phase,
    vault::{Indexed, Vault},
};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
};

/// What is to be captured.
#[derive(Debug, Clone)]
pub struct Weddings<'a> {
    /// The database.
    pub dsn: &'a Dsn,
    /// What a wedding is in it.
    pub mapping: &'a Written,
    /// Where their files are.
    pub files: &'a FileStores,
    /// A name for the source that stays when the server moves.
    pub source_name: Option<&'a str>,
}

/// A wedding's new point.
#[derive(Debug, Clone, Serialize)]
pub struct BackedWedding {
    /// The wedding.
    pub wedding: String,
    /// The point.
    #[serde(flatten)]
    pub backed: Backed,
    /// How whole the wedding's data is.
    pub score: Score,
    /// Rows captured.
    pub rows: u64,
    /// What the next capture is compared with (safety rule S14).
    #[serde(skip)]
    pub summary: Summary,
}

/// Backs up weddings.
///
/// # Errors
/// By cause; a source that ends with a failure never leaves a point of any of them (safety rule S13).
pub async fn weddings(
    context: &Context,
    storage: &Storage,
    from: &Weddings<'_>,
    ids: &[String],
) -> Result<Vec<BackedWedding>> {
    let session = source::open(from.dsn, Purpose::Inspect).await?;
    let identity = source::identity(&session, from.source_name).await?;
    // Asked before a vault is made: a mistyped id must not leave an empty one.
    let ids = match capture::find(&session, &from.mapping.mapping, ids).await {
        Ok(ids) => ids,
        Err(error) => {
            if matches!(error, capture::Error::Mapping { .. }) {
                let schema = schema::read(&session.client).await.map_err(recovery::schema_error)?;
                from.mapping.check_fit(&schema)?;
            }
            return Err(capture_error(error));
        }
    };
    drop(session);
    let vaults: Vec<VaultId> =
        ids.iter().map(|id| context.master.vault_id(&Subject::Wedding { source: &identity, wedding: id })).collect();
    let subject = vaults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    context
        .recorded("backup wedding", &subject, async {
            let mut targets = Vec::with_capacity(ids.len());
            for id in &ids {
                let subject = Subject::Wedding { source: &identity, wedding: id };
                let birth = Birth { subject, name: format!("wedding {id}") };
                let (vault_id, vault) = vaults::ensure(context, storage, &birth).await?;
                targets.push((id.clone(), vault_id, Arc::new(load(context, vault).await?)));
            }
            capture_into(context, from, targets, Kind::Wedding, None).await
        })
        .await
}

/// Captures weddings into vaults that are open already.
async fn capture_into(
    context: &Context,
    from: &Weddings<'_>,
    targets: Vec<(String, VaultId, Arc<Vault<Indexed>>)>,
    kind: Kind,
    operation: Option<OperationId>,
) -> Result<Vec<BackedWedding>> {
    let began = context.clock.now();
    let mut sessions: BTreeMap<String, Arc<Backup>> = BTreeMap::new();
    for (id, _, vault) in &targets {
        let options = BackupOptions {
            cancel: context.cancel.clone(),
            clock: Arc::clone(&context.clock),
            ..BackupOptions::default()
        };
        let backup = vault.backup(&context.engine, options).map_err(backup_error)?;
        sessions.insert(id.clone(), Arc::new(backup));
    }
    let ids: Vec<String> = targets.iter().map(|(id, ..)| id.clone()).collect();
    context.progress.enter(Phase::Transferring);
    let captured = run(context, from, &ids, &sessions).await;
    let mut done = Vec::with_capacity(targets.len());
    let captured = match captured {
        Ok(captured) => captured,
        Err(error) => {
            for backup in sessions.into_values().filter_map(Arc::into_inner) {
                backup.abort().await;
            }
            return Err(error);
        }
    };
    let mut targets: BTreeMap<_, _> =
        targets.into_iter().map(|(id, vault_id, vault)| (id, (vault_id, vault))).collect();
    for captured in captured {
        let session = sessions.remove(&captured.id).and_then(Arc::into_inner).zip(targets.remove(&captured.id));
        let (backup, (id, vault)) =
            session.ok_or_else(|| Error::new(Code::CaptureFailed, "the capture did not let go of its files"))?;
        let running = Running { id, vault, backup, began };
        done.push(commit(context, running, captured, kind, operation).await?);
    }
    Ok(done)
}

async fn run(
    context: &Context,
    from: &Weddings<'_>,
    ids: &[String],
    sessions: &BTreeMap<String, Arc<Backup>>,
) -> Result<Vec<Captured>> {
    let sinks = |id: &str| -> Arc<dyn Sink> {
        let session = sessions.get(id).expect("a sink is asked for each wedding that was asked for, and no other");
        Arc::new(IntoVault(Arc::clone(session)))
    };
    let progress = Arc::clone(&context.progress);
    let options = capture::Options {
        cancel: context.cancel.clone(),
        progress: Some(Arc::new(move |now: capture::Progress| {
            progress.bytes_done.store(now.bytes, Relaxed);
            progress.files_done.store(now.tables_done, Relaxed);
            progress.files_total.store(now.tables, Relaxed);
        })),
        ..capture::Options::default()
    };
    let request = capture::Request {
        mapping: &from.mapping.mapping,
        mapping_text: Some(&from.mapping.text),
        ids,
        sinks: &sinks,
        files: Some(from.files),
        options,
    };
    capture::weddings(from.dsn, &request).await.map_err(capture_error)
}

async fn commit(
    context: &Context,
    running: Running,
    captured: Captured,
    kind: Kind,
    operation: Option<OperationId>,
) -> Result<BackedWedding> {
    let issues: Vec<Issue> = captured.manifest.issues.iter().cloned().map(Into::into).collect();
    let time: Timestamp = captured.manifest.captured_at;
    let paths = vec!["/".to_owned()];
    let incomplete = captured.incomplete;
    let label = Label { kind, time, paths, operation, issues, incomplete, depth: Depth::Read };
    let backed = running.commit(context, label).await?;
    let rows = captured.manifest.tables.iter().map(|table| table.rows).sum();
    let summary = summary(&captured);
    Ok(BackedWedding { wedding: captured.id, backed, score: captured.score, rows, summary })
}

/// Counts of a capture that has its root row: one without fails.
fn summary(captured: &Captured) -> Summary {
    let mut groups: BTreeMap<Group, GroupSummary> = BTreeMap::new();
    for table in &captured.manifest.tables {
        groups.entry(table.group).or_default().rows += table.rows;
    }
    let is_there = |file: &&FileEntry| matches!(file.state, FileState::Captured | FileState::Changed);
    Summary {
        root_found: true,
        groups,
        score: Some(captured.score.total),
        files_found: captured.manifest.files.iter().filter(is_there).count() as u64,
        packed_permille: None,
    }
}

/// A capture's failure under the code that a user can look up.
pub(crate) fn capture_error(error: capture::Error) -> Error {
    use capture::Error as Capture;
    let code = match error {
        Capture::Connect(error) => return source::connect_error(error),
        Capture::Schema(_) => Code::DatabaseUnreachable,
        Capture::Mapping { .. } => Code::MappingMismatch,
        Capture::UnknownWedding { .. } => Code::WeddingNotFound,
        Capture::Privilege { .. } | Capture::RowSecurity { .. } => Code::DatabaseRights,
        Capture::Locked { .. } | Capture::YieldedToDdl { .. } | Capture::SnapshotTooOld { .. } => Code::CaptureYielded,
        Capture::Cancelled => Code::Interrupted,
        Capture::Sink { .. } => Code::StorageFailed,
        _ => Code::CaptureFailed,
    };
    Error::because(code, "the wedding could not be captured", error)
}
