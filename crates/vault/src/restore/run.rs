//! Restoring a snapshot to a folder.

use super::{
    Error, Report, Result,
    existing::is_in_place,
    fetch::Session,
    finish::finish,
    leftovers,
    output::{MAX_OPEN, Output, is_full},
    plan::{Entry, Plan, plan},
    report::{Failure, FileResult, Outcome},
    target::Target,
};
use crate::{
    Vault,
    engine::{Engine, Phase, Progress},
    snapshot::Snapshot,
    vault::Indexed,
};
use rand::RngExt;
use std::{
    collections::HashSet,
    ffi::OsStr,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};
use tokio::{runtime::Handle, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How a restore is to be made.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// The folder: made if it is not there. Entries of the snapshot replace what has their names; nothing else changes.
    pub to: PathBuf,
    /// Paths in the snapshot; everything at and below them is restored. Empty: all.
    pub include: Vec<PathBuf>,
    /// Whether files that are in place are compared with the snapshot and, if equal, not fetched again.
    pub resume: bool,
    /// Stops the restore; files in place stay.
    pub cancel: CancellationToken,
    /// Counters to show to people.
    pub progress: Arc<Progress>,
}

impl RestoreOptions {
    /// All of a snapshot to this folder, going on from what is there.
    pub fn new(to: impl Into<PathBuf>) -> Self {
        Self {
            to: to.into(),
            include: Vec::new(),
            resume: true,
            cancel: CancellationToken::new(),
            progress: Arc::default(),
        }
    }
}

impl Vault<Indexed> {
    /// Restores files, folders, links and special files of a snapshot. Owners are set for the superuser only.
    ///
    /// # Errors
    /// [`Error::Target`] if the folder cannot be used, [`Error::NoSpace`], [`Error::Cancelled`]. What concerns single
    /// entries is in the [`Report`], which callers must look at.
    pub async fn restore(&self, engine: &Engine, snapshot: &Snapshot, options: RestoreOptions) -> Result<Report> {
        let RestoreOptions { to, include, resume, cancel, progress } = options;
        progress.enter(Phase::Planning);
        let plan = plan(self, snapshot.tree, &include, &cancel).await?;
        let target = blocking(move || Target::open(&to).map_err(|source| Error::Target { folder: to, source })).await?;
        let target = Arc::new(target);
        let session = prepare(self, engine, plan, &target, resume, cancel.child_token(), progress).await?;
        let Prepared { session, plan, mut report } = session;
        session.progress.enter(Phase::Transferring);
        let fetched = session.fetch_all().await;
        if let Some(source) = session.full.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(Error::NoSpace { folder: target.path().to_owned(), source });
        }
        fetched?;
        session.progress.enter(Phase::Finishing);
        blocking(move || {
            let plan = collect(&session, plan, &mut report);
            let outcomes: Vec<_> = session.outputs.iter().map(|output| output.outcome().0).collect();
            finish(&target, &plan, &outcomes, &mut report);
            report.files.sort_by(|one, other| one.path.cmp(&other.path));
            session.progress.enter(Phase::Done);
            Ok(report)
        })
        .await
    }
}

struct Prepared {
    session: Arc<Session>,
    plan: Plan,
    report: Report,
}

/// Makes folders and empty files, and finds what is in place.
async fn prepare(
    vault: &Vault<Indexed>,
    engine: &Engine,
    mut plan: Plan,
    target: &Arc<Target>,
    resume: bool,
    cancel: CancellationToken,
    progress: Arc<Progress>,
) -> Result<Prepared> {
    let (vault, engine, target, runtime) = (vault.clone(), engine.clone(), Arc::clone(target), Handle::current());
    blocking(move || {
        let mut report = Report { files: std::mem::take(&mut plan.refused), ..Report::default() };
        report.leftovers_removed = make_folders(&target, &plan)?;
        let (run, open) = (rand::rng().random(), Arc::new(Semaphore::new(MAX_OPEN)));
        let files = std::mem::take(&mut plan.files).into_iter().enumerate();
        let outputs: Vec<_> = files.map(|(number, entry)| Output::new(entry, number, run, &target, &open)).collect();
        let mut buffer = Vec::new();
        for output in &outputs {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let size = output.entry.node.size;
            Progress::add(&progress.files_total, 1);
            Progress::add(&progress.bytes_total, size);
            if resume && is_in_place(&vault, &target, output, &mut buffer) {
                Progress::add(&progress.bytes_done, size);
                output.settle(Outcome::AlreadyThere);
            } else if output.entry.node.content.as_ref().is_none_or(Vec::is_empty)
                && let Err(error) = output.write_empty()
            {
                full(&target, error)?;
            }
        }
        let session = Session {
            vault,
            engine,
            runtime,
            cancel,
            outputs,
            progress,
            tasks: TaskTracker::new(),
            full: Default::default(),
        };
        Ok(Prepared { session: Arc::new(session), plan, report })
    })
    .await
}

/// Makes the folders, and removes from those that were there what killed restores left. Says how many files that were.
fn make_folders(target: &Target, plan: &Plan) -> Result<u64> {
    // A folder with leftovers may itself have been backed up.
    let wanted: HashSet<PathBuf> =
        plan.files.iter().filter(|entry| leftovers::is_part(entry.name())).map(Entry::path).collect();
    let sweep = |path: &Path| {
        let keep = |name: &OsStr| wanted.contains(&path.join(name));
        target.folder(path).map_or(0, |folder| leftovers::sweep(folder.as_fd(), keep))
    };
    let mut removed = sweep(Path::new(""));
    for entry in &plan.folders {
        match target.make_folder(&entry.folder, entry.name()) {
            Ok(true) => {}
            Ok(false) => removed += sweep(&entry.path()),
            Err(error) => full(target, error)?,
        }
    }
    Ok(removed)
}

/// A full disk ends the restore; anything else concerns one entry, whose outcome says so in the end.
fn full(target: &Target, source: io::Error) -> Result<()> {
    if is_full(&source) { Err(Error::NoSpace { folder: target.path().to_owned(), source }) } else { Ok(()) }
}

/// Puts the outcome of every file into the report, and the files back into the plan.
fn collect(session: &Session, mut plan: Plan, report: &mut Report) -> Plan {
    for output in &session.outputs {
        let (outcome, warning) = output.outcome();
        let outcome = outcome.unwrap_or_else(|| Outcome::Failed(Failure::refused("it was not finished")));
        if outcome == Outcome::Restored {
            report.bytes_restored += output.entry.node.size;
        }
        Progress::add(&session.progress.files_done, 1);
        report.warnings.extend(warning.map(|warning| (output.path(), warning)));
        report.files.push(FileResult { path: output.path(), outcome });
        plan.files.push(output.entry.clone());
    }
    plan
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Error::Lost))
}
