//! Backing up weddings: several of one source in one pass over one snapshot (safety rule S11).

use super::{
    Backed,
    attempt::{self, Ended, Target},
    commit::{Label, Running, backup_error},
    files::load,
    fingerprint::Fingerprint,
};
use crate::{
    bridge::IntoVault,
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    mapping::Written,
    recovery, source,
    storage::Storage,
    vaults::{self, Birth},
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use keepsake_domain::{
    Group, VaultId,
    integrity::Score,
    point::Kind,
    suspect::{GroupSummary, Summary},
};
use keepsake_keys::Subject;
use keepsake_postgres::{
    capture::{self, Captured, FileEntry, FileState, Sink},
    connect::{Dsn, Purpose, Session},
    schema,
};
use keepsake_vault::{
    backup::{Backup, BackupOptions, Depth},
    engine::Phase,
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
    /// The same for a capture of the same data.
    #[serde(skip)]
    pub fingerprint: String,
}

/// What became of one wedding in a pass.
#[derive(Debug, Clone)]
pub enum Passed {
    /// It has a new point.
    Stored(Box<BackedWedding>),
    /// It is as in the point that it has: nothing was stored.
    Unchanged {
        /// The wedding.
        wedding: String,
        /// When it was so.
        at: Timestamp,
    },
}

/// What is known of weddings before a pass.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Fingerprints of the points that they have: what is still the same is not stored again.
    pub fingerprints: BTreeMap<String, String>,
    /// Weddings that are not in the source any more are left out; else they fail the pass.
    pub leave_out_missing: bool,
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
    let passed = pass(context, storage, from, ids, &Known::default()).await?;
    let stored = passed.into_iter().filter_map(|passed| match passed {
        Passed::Stored(backed) => Some(*backed),
        Passed::Unchanged { .. } => None,
    });
    Ok(stored.collect())
}

/// Backs up those of several weddings that changed, in one pass over one snapshot.
///
/// # Errors
/// As [`weddings`].
pub async fn pass(
    context: &Context,
    storage: &Storage,
    from: &Weddings<'_>,
    ids: &[String],
    known: &Known,
) -> Result<Vec<Passed>> {
    let session = source::open(from.dsn, Purpose::Inspect).await?;
    let identity = source::identity(&session, from.source_name).await?;
    // Asked before a vault is made: a mistyped id must not leave an empty one.
    let ids = there(&session, from, ids, known.leave_out_missing).await?;
    drop(session);
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let vaults: Vec<VaultId> =
        ids.iter().map(|id| context.master.vault_id(&Subject::Wedding { source: &identity, wedding: id })).collect();
    let subject = vaults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    context
        .recorded("backup wedding", &subject, async {
            let mut targets = Vec::with_capacity(ids.len());
            for id in &ids {
                context.still_wanted()?;
                let subject = Subject::Wedding { source: &identity, wedding: id };
                let birth = Birth { subject, name: format!("wedding {id}") };
                let (vault_id, vault) = vaults::ensure(context, storage, &birth).await?;
                targets.push(Target::new(vault_id, Arc::new(load(context, vault).await?)));
            }
            let weddings: BTreeMap<VaultId, &String> = vaults.iter().copied().zip(&ids).collect();
            let named = |target: Target| {
                let id = weddings.get(&target.id).expect("each vault was opened for one of these weddings");
                ((*id).clone(), target)
            };
            let capture = |targets: Vec<Target>| -> BoxFuture<'_, _> {
                Box::pin(capture_into(context, from, known, targets.into_iter().map(named).collect()))
            };
            attempt::several(context, targets, capture).await
        })
        .await
}

/// The weddings as the database writes their ids.
async fn there(session: &Session, from: &Weddings<'_>, ids: &[String], leave_out_missing: bool) -> Result<Vec<String>> {
    match capture::find(session, &from.mapping.mapping, ids).await {
        Ok(ids) => Ok(ids),
        Err(capture::Error::UnknownWedding { ids: missing, .. }) if leave_out_missing => {
            let there: Vec<String> = ids.iter().filter(|id| !missing.contains(id)).cloned().collect();
            capture::find(session, &from.mapping.mapping, &there).await.map_err(capture_error)
        }
        Err(error) => {
            if matches!(error, capture::Error::Mapping { .. }) {
                let schema = schema::read(&session.client).await.map_err(recovery::schema_error)?;
                from.mapping.check_fit(&schema)?;
            }
            Err(capture_error(error))
        }
    }
}

/// A wedding's capture on its way into its vault.
struct Writing {
    backup: Arc<Backup>,
    fingerprint: Fingerprint,
}

/// Captures weddings into vaults that are open already; says how each ended, in their order.
async fn capture_into(
    context: &Context,
    from: &Weddings<'_>,
    known: &Known,
    targets: Vec<(String, Target)>,
) -> Result<Vec<Ended<Passed>>> {
    let began = context.clock.now();
    let mut sessions: BTreeMap<String, Writing> = BTreeMap::new();
    for (id, target) in &targets {
        let options = BackupOptions {
            cancel: context.cancel.clone(),
            clock: Arc::clone(&context.clock),
            proof: Depth::Read,
            ..BackupOptions::default()
        };
        let backup = target.vault.backup(&context.engine, options).map_err(backup_error)?;
        sessions.insert(id.clone(), Writing { backup: Arc::new(backup), fingerprint: Fingerprint::default() });
    }
    let ids: Vec<String> = targets.iter().map(|(id, _)| id.clone()).collect();
    context.progress.enter(Phase::Transferring);
    let captured = match run(context, from, &ids, &sessions).await {
        Ok(captured) => captured,
        Err(error) => {
            for backup in sessions.into_values().filter_map(|writing| Arc::into_inner(writing.backup)) {
                backup.abort().await;
            }
            return Err(error);
        }
    };
    let mut captured: BTreeMap<String, Captured> = captured.into_iter().map(|one| (one.id.clone(), one)).collect();
    let mut ended = Vec::with_capacity(targets.len());
    for (id, target) in targets {
        let held = || Error::new(Code::CaptureFailed, "the capture did not let go of its files");
        let (writing, captured) = sessions.remove(&id).zip(captured.remove(&id)).ok_or_else(held)?;
        let fingerprint = writing.fingerprint.of(&captured.manifest);
        let backup = Arc::into_inner(writing.backup).ok_or_else(held)?;
        if known.fingerprints.get(&id) == Some(&fingerprint) && !captured.incomplete {
            backup.abort().await;
            let at = captured.manifest.captured_at;
            ended.push(Ended::Made(Passed::Unchanged { wedding: captured.id, at }));
            continue;
        }
        ended.push(commit(context, Running { target, backup, began }, captured, fingerprint).await?);
    }
    Ok(ended)
}

async fn run(
    context: &Context,
    from: &Weddings<'_>,
    ids: &[String],
    sessions: &BTreeMap<String, Writing>,
) -> Result<Vec<Captured>> {
    let sinks = |id: &str| -> Arc<dyn Sink> {
        let session = sessions.get(id).expect("a sink is asked for each wedding that was asked for, and no other");
        Arc::new(session.fingerprint.over(Box::new(IntoVault(Arc::clone(&session.backup)))))
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

async fn commit(context: &Context, running: Running, captured: Captured, fingerprint: String) -> Result<Ended<Passed>> {
    let label = Label {
        kind: Kind::Wedding,
        time: captured.manifest.captured_at,
        paths: vec!["/".to_owned()],
        operation: None,
        issues: captured.manifest.issues.iter().cloned().map(Into::into).collect(),
        incomplete: captured.incomplete,
    };
    let rows = captured.manifest.tables.iter().map(|table| table.rows).sum();
    let summary = summary(&captured);
    let ended = running.commit(context, label).await?;
    Ok(ended.map(|backed| {
        let score = captured.score;
        Passed::Stored(Box::new(BackedWedding { wedding: captured.id, backed, score, rows, summary, fingerprint }))
    }))
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
