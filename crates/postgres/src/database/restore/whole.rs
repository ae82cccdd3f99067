//! The restore as a whole: target checked and marked, definitions, rows, proof, indexes, the rest.

use super::{
    super::{DEFINITIONS, Error, Manifest, Options, Phase, Result, rows::Meter},
    definitions::{self, Builder},
    finish, large_objects,
    report::{Report, TableProof},
    source, tables, target,
};
use crate::{
    capture::{RowHasher, Source},
    connect::{Canceller, Dsn, Purpose, Session, connect},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// Restores a whole database into the empty database at `dsn`, and proves it: every table is read back and compared
/// with the hash taken at the capture.
///
/// # Errors
/// [`Error`] by cause. Before the target is touched: [`Error::NotEmpty`], [`Error::Roles`], [`Error::Target`] and damage
/// that shows in the manifest. After any later error the target is of no use; it stays marked, so that a second restore
/// refuses it too, and is to be dropped and created again.
pub async fn restore(dsn: &Dsn, source: Arc<dyn Source>, options: Options) -> Result<Report> {
    let sessions = Arc::default();
    let restored = tokio::select! {
        biased;
        () = options.cancel.cancelled() => Err(Error::Cancelled),
        restored = Box::pin(all(dsn, source, &options, &sessions)) => restored,
    };
    if restored.is_err() {
        stop(&sessions).await;
    }
    restored
}

type Sessions = Arc<Mutex<Vec<Canceller>>>;

/// Cancels at the server what dropped tasks have left running.
async fn stop(sessions: &Sessions) {
    const PATIENCE: Duration = Duration::from_secs(1);
    let sessions = std::mem::take(&mut *sessions.lock().unwrap_or_else(PoisonError::into_inner));
    let all = futures::future::join_all(sessions.iter().map(Canceller::cancel));
    let _nothing_left_to_cancel = tokio::time::timeout(PATIENCE, all).await;
}

/// What all tasks of one restore share.
#[derive(Clone)]
struct Run {
    dsn: Dsn,
    source: Arc<dyn Source>,
    manifest: Arc<Manifest>,
    options: Options,
    meter: Meter,
    sessions: Sessions,
}

impl Run {
    async fn session(&self) -> Result<Session> {
        let session = Box::pin(connect(&self.dsn, Purpose::Restore)).await?;
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session.canceller());
        let sql = "SET synchronous_commit = off";
        session.client.batch_execute(sql).await.map_err(Error::server("prepare a session"))?;
        Ok(session)
    }
}

/// Work that any session can take.
enum Work {
    Load(tables::Load),
    LoadObjects,
    Check(tables::Check),
    CompareObjects,
}

async fn all(dsn: &Dsn, source: Arc<dyn Source>, options: &Options, sessions: &Sessions) -> Result<Report> {
    let manifest = Arc::new(source::manifest(&*source).await?);
    let meter = Meter::new(options.progress.clone());
    let run =
        Run { dsn: dsn.clone(), source, manifest, options: options.clone(), meter, sessions: Arc::clone(sessions) };
    let mut clock = Clock::start();
    let control = run.session().await?;
    let manifest = &*run.manifest;
    target::fits(&control, manifest).await?;
    target::empty(&control).await?;
    target::roles(&control, manifest, options.ownership).await?;
    let programs = definitions::programs(options.programs.as_deref(), manifest, control.server_version).await?;
    let archive = source::download(&*run.source, DEFINITIONS).await?;
    let builder = Builder { dsn, programs: &programs, archive: archive.path(), ownership: options.ownership };

    target::mark(&control).await?;
    run.meter.tell(Phase::Definitions);
    before_rows(&control, &builder, manifest).await?;
    clock.lap(Phase::Definitions);
    load(&run).await?;
    clock.lap(Phase::Rows);
    run.meter.tell(Phase::Proof);
    let found = prove(&run, &control).await?;
    clock.lap(Phase::Proof);
    finish::sequences(&control, &manifest.sequences).await?;
    run.meter.tell(Phase::Indexes);
    builder.after_rows(options.workers()).await?;
    clock.lap(Phase::Indexes);
    run.meter.tell(Phase::Finishing);
    finish::statistics(&control).await?;
    let mut notes = finish::remarks(manifest, options.ownership);
    notes.extend(finish::properties(&control, &manifest.database, options.ownership).await?);
    target::unmark(&control).await?;
    clock.lap(Phase::Finishing);
    Ok(report(manifest, &found, notes, clock.laps))
}

/// Creates what comes before the rows; if that fails without a trace, the target is as empty as before.
async fn before_rows(control: &Session, builder: &Builder<'_>, manifest: &Manifest) -> Result<()> {
    let (done, without_trace) = builder.before_rows(manifest).await;
    if done.is_err() && without_trace {
        target::unmark(control).await?;
    }
    done?;
    if manifest.database.public_schema {
        return Ok(());
    }
    let sql = "DROP SCHEMA IF EXISTS public";
    control.client.batch_execute(sql).await.map_err(Error::server("drop the schema public, which the source has not"))
}

/// Loads all rows and large objects.
async fn load(run: &Run) -> Result<()> {
    let manifest = &run.manifest;
    let count = |list: usize| u64::try_from(list).unwrap_or(u64::MAX);
    let objects_bytes = super::super::rows::size(&manifest.large_objects.files);
    let rows_bytes: u64 = manifest.tables.iter().map(|table| table.size_bytes).sum();
    run.meter.expect(rows_bytes + objects_bytes, count(manifest.tables.len()));

    let workers = run.options.workers();
    let mut queue: VecDeque<Work> = tables::loads(manifest, workers).into_iter().map(Work::Load).collect();
    if manifest.large_objects.count > 0 {
        queue.push_front(Work::LoadObjects);
    }
    work(run, queue, workers).await?;
    Ok(())
}

/// Reads all rows and large objects back and compares them with the capture; returns what was read of each table.
async fn prove(run: &Run, control: &Session) -> Result<Vec<RowHasher>> {
    let manifest = &run.manifest;
    let mut queue: VecDeque<Work> = tables::checks(control, manifest).await?.into_iter().map(Work::Check).collect();
    if manifest.large_objects.count > 0 {
        queue.push_front(Work::CompareObjects);
    }
    let mut found = vec![RowHasher::new(); manifest.tables.len()];
    for (table, sum) in work(run, queue, run.options.workers()).await? {
        if let Some(found) = found.get_mut(table) {
            found.merge(&sum);
        }
    }
    for (table, found) in manifest.tables.iter().zip(&found) {
        tables::compare(table, found)?;
    }
    Ok(found)
}

/// Has the work done by several sessions; the first failure ends it all. Returns the sums read, by table.
async fn work(run: &Run, queue: VecDeque<Work>, workers: usize) -> Result<Vec<(usize, RowHasher)>> {
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (run, queue) = (run.clone(), Arc::clone(&queue));
        tasks.spawn(async move { Box::pin(worker(&run, &queue)).await });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(sums) => all.extend(sums?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return Err(Error::Cancelled),
        }
    }
    Ok(all)
}

async fn worker(run: &Run, queue: &Mutex<VecDeque<Work>>) -> Result<Vec<(usize, RowHasher)>> {
    let mut sums = Vec::new();
    let mut session = None;
    loop {
        let Some(work) = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() else { return Ok(sums) };
        let session = match &session {
            Some(session) => session,
            None => session.insert(run.session().await?),
        };
        let (manifest, source) = (&*run.manifest, &*run.source);
        match work {
            Work::Load(load) => tables::load(session, &load, manifest, source, &run.meter).await?,
            Work::LoadObjects => {
                large_objects::load(session, manifest, source, run.options.ownership, &run.meter).await?;
            }
            Work::Check(tables::Check::Read { table, sql, .. }) => {
                sums.push((table, tables::read(session, &sql).await?))
            }
            Work::Check(tables::Check::Analyze(name)) => tables::analyze(session, &name).await?,
            Work::CompareObjects => large_objects::compare(session, manifest, source).await?,
        }
    }
}

fn report(
    manifest: &Manifest,
    found: &[RowHasher],
    notes: Vec<crate::capture::Issue>,
    timings: Vec<(Phase, Duration)>,
) -> Report {
    let proof = |(table, found): (&super::super::Table, &RowHasher)| TableProof {
        name: table.name.clone(),
        rows: found.rows(),
        hash: found.hex(),
    };
    let tables: Vec<TableProof> = manifest.tables.iter().zip(found).map(proof).collect();
    Report {
        source_database: manifest.database.name.clone(),
        captured_at: manifest.captured_at,
        rows: tables.iter().map(|table| table.rows).sum(),
        tables,
        size_bytes: manifest.tables.iter().map(|table| table.size_bytes).sum(),
        large_objects: manifest.large_objects.count,
        sequences: u64::try_from(manifest.sequences.len()).unwrap_or(u64::MAX),
        content_hash: manifest.content_hash.clone(),
        notes,
        timings,
    }
}

/// Time by phase.
struct Clock {
    last: Instant,
    laps: Vec<(Phase, Duration)>,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), laps: Vec::new() }
    }

    fn lap(&mut self, phase: Phase) {
        self.laps.push((phase, self.last.elapsed()));
        self.last = Instant::now();
    }
}
