//! The capture as a whole: one snapshot, a few sessions that read from it, one manifest at the end.

use super::{
    super::{
        Error, Kind, LargeObjects, MANIFEST, Manifest, Options, Phase, Result, Table, Uncarried, VERSION,
        programs::Programs,
        rows::{self, Meter},
        toc,
    },
    catalog::{self, Relation},
    definitions::{self, Definitions, Origin, issue},
    facts, guide, large_objects,
    snapshot::{self, Snapshot},
    tables::{self, Piece, Written},
    watch::watch,
};
use crate::{
    capture::{Issue, RowHasher, Sink},
    connect::{Canceller, Dsn},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;

/// Captures a whole database into `sink`; returns what `manifest.json` holds.
///
/// Everything is read from one snapshot over `options.jobs` connections and one more, in read-only transactions. The
/// manifest is the last file: without it there is no capture, so a sink must not be made permanent before this returns.
///
/// # Errors
/// [`Error`] by cause; see [`Error::retryable`]. After an error the sink holds a part that must be thrown away.
pub async fn capture(dsn: &Dsn, sink: Arc<dyn Sink>, options: Options) -> Result<Manifest> {
    let application = application_name();
    let begin = async {
        let snapshot = Box::pin(snapshot::take(dsn, &application)).await?;
        let server = u32::try_from(snapshot.session.server_version / 10_000).unwrap_or(0);
        let programs = Programs::find(options.programs.as_deref(), "pg_dump", server, server).await?;
        Ok::<_, Error>((snapshot, programs))
    };
    let (snapshot, programs) = tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(Error::Cancelled),
        begun = begin => begun?,
    };
    let run = Run {
        dsn: dsn.clone(),
        application,
        snapshot: snapshot.name.clone(),
        superuser: snapshot.session.superuser,
        programs,
        sink,
        meter: Meter::new(options.progress.clone()),
        sessions: Arc::default(),
    };
    // A standby's vacuum is not held up by its readers unless it was told so.
    let limit = if snapshot.session.standby { Duration::MAX } else { options.snapshot_limit };
    let captured = tokio::select! {
        biased;
        () = options.cancel.cancelled() => Err(Error::Cancelled),
        error = watch(&snapshot.session, &run.application, options.ddl_patience) => Err(error),
        () = tokio::time::sleep(limit) => Err(Error::SnapshotLimit { minutes: limit.as_secs() / 60 }),
        captured = Box::pin(all(&run, &snapshot, &options)) => captured,
    };
    if captured.is_err() {
        run.stop().await;
    }
    captured
}

/// A name by which all sessions of this capture, `pg_dump`'s too, are told from those of another.
fn application_name() -> String {
    format!("keepsake-capture-{:08x}", rand::random::<u32>())
}

/// What all tasks of one capture share.
#[derive(Clone)]
struct Run {
    dsn: Dsn,
    application: String,
    snapshot: String,
    superuser: bool,
    programs: Programs,
    sink: Arc<dyn Sink>,
    meter: Meter,
    /// For stopping what the sessions run.
    sessions: Arc<Mutex<Vec<Canceller>>>,
}

impl Run {
    async fn session(&self) -> Result<crate::connect::Session> {
        let session = Box::pin(snapshot::join(&self.dsn, &self.application, &self.snapshot)).await?;
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session.canceller());
        Ok(session)
    }

    /// Cancels at the server what dropped tasks have left running.
    async fn stop(&self) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let sessions = std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        let all = futures::future::join_all(sessions.iter().map(Canceller::cancel));
        let _nothing_left_to_cancel = tokio::time::timeout(PATIENCE, all).await;
    }
}

/// Work that any session can take.
enum Work {
    Definitions,
    LargeObjects,
    Rows(Piece),
}

/// What came of it.
enum Done {
    Definitions(Definitions),
    LargeObjects(LargeObjects),
    Rows(Written),
}

/// Reads everything and writes the manifest.
async fn all(run: &Run, snapshot: &Snapshot, options: &Options) -> Result<Manifest> {
    run.meter.tell(Phase::Definitions);
    let with_rows: Vec<&Relation> = snapshot.relations.iter().filter(|relation| relation.has_rows()).collect();
    let pieces = tables::pieces(&with_rows, snapshot.session.server_version);
    let tables_count = u64::try_from(with_rows.len()).unwrap_or(u64::MAX);
    run.meter.expect(with_rows.iter().map(|table| table.heap_bytes).sum(), tables_count);

    let mut queue = VecDeque::from([Work::Definitions]);
    if large_objects::any(&snapshot.session).await? {
        queue.push_back(Work::LargeObjects);
    }
    queue.extend(pieces.into_iter().map(Work::Rows));
    let (done, sequences, known) = futures::try_join!(
        work(run, queue, options.workers()),
        catalog::sequences(&snapshot.session, &snapshot.relations),
        Known::read(snapshot),
    )?;

    let mut written = Vec::new();
    let mut objects = LargeObjects { hash: RowHasher::new().hex(), ..LargeObjects::default() };
    let mut defined = None;
    for each in done {
        match each {
            Done::Definitions(definitions) => defined = Some(definitions),
            Done::LargeObjects(found) => objects = found,
            Done::Rows(piece) => written.push(piece),
        }
    }
    let definitions = defined.ok_or_else(|| Error::damaged(super::super::DEFINITIONS, "was not written"))?;
    let missing = missing(snapshot, &definitions, &known);
    if !missing.is_empty() && options.uncarried == Uncarried::Refuse {
        return Err(Error::NotCarried { objects: missing });
    }
    let mut manifest = Manifest {
        kind: Kind::Database,
        version: VERSION,
        captured_at: snapshot.taken_at,
        snapshot: snapshot.text.clone(),
        lsn: snapshot.lsn.clone(),
        server_version: u32::try_from(snapshot.session.server_version).unwrap_or(0),
        dump_version: definitions.dump_version,
        database: known.database,
        tables: tables_of(&with_rows, written),
        sequences,
        large_objects: objects,
        roles: known.roles,
        needed_roles: known.needed_roles,
        materialized_views: names(&snapshot.relations, 'm'),
        foreign_tables: names(&snapshot.relations, 'f'),
        subscriptions: known.subscriptions.into_iter().map(|(_, name)| name).collect(),
        contents: toc::kinds(&definitions.toc),
        incomplete: !missing.is_empty(),
        issues: definitions.issues,
        content_hash: String::new(),
    };
    manifest.content_hash = rows::content_hash(&manifest);
    manifest.issues.extend(missing.iter().map(|what| issue("not-carried", what, "is in none of the files".to_owned())));
    manifest.issues.extend(remarks(snapshot, known.hidden_mappings));
    finish(run, &manifest).await?;
    Ok(manifest)
}

/// What is read of the catalog beside the rows.
struct Known {
    database: super::super::Database,
    roles: Vec<String>,
    needed_roles: Vec<String>,
    subscriptions: Vec<(u32, String)>,
    hidden_mappings: i64,
}

impl Known {
    async fn read(snapshot: &Snapshot) -> Result<Self> {
        let session = &snapshot.session;
        let (database, roles, needed_roles, subscriptions, hidden_mappings) = futures::try_join!(
            facts::database(session),
            facts::roles(session),
            facts::needed_roles(session),
            facts::subscriptions(session),
            facts::hidden_user_mappings(session),
        )?;
        Ok(Self { database, roles, needed_roles, subscriptions, hidden_mappings })
    }
}

/// Has the work done by several sessions; the first failure ends it all.
async fn work(run: &Run, queue: VecDeque<Work>, workers: usize) -> Result<Vec<Done>> {
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (run, queue) = (run.clone(), Arc::clone(&queue));
        tasks.spawn(async move { Box::pin(worker(&run, &queue)).await });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(done) => all.extend(done?),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return Err(Error::Cancelled),
        }
    }
    Ok(all)
}

async fn worker(run: &Run, queue: &Mutex<VecDeque<Work>>) -> Result<Vec<Done>> {
    let mut done = Vec::new();
    let mut session = None;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        match next {
            None => return Ok(done),
            // `pg_dump` has a session of its own, in the place of this worker's.
            Some(Work::Definitions) => {
                done.push(Done::Definitions(definitions::write(&run.origin(), &*run.sink).await?))
            }
            Some(work) => {
                let session = match &session {
                    Some(session) => session,
                    None => session.insert(run.session().await?),
                };
                done.push(match work {
                    Work::Rows(piece) => Done::Rows(tables::write(session, &piece, &*run.sink, &run.meter).await?),
                    _ => Done::LargeObjects(large_objects::write(session, &*run.sink, &run.meter).await?),
                });
            }
        }
    }
}

impl Run {
    fn origin(&self) -> Origin<'_> {
        Origin {
            dsn: &self.dsn,
            application: &self.application,
            snapshot: &self.snapshot,
            superuser: self.superuser,
            programs: &self.programs,
        }
    }
}

/// The manifest's list of tables, with the pieces of each.
fn tables_of(relations: &[&Relation], mut written: Vec<Written>) -> Vec<Table> {
    written.sort_by_key(|piece| (piece.table, piece.number));
    let mut written = written.into_iter().peekable();
    let mut tables = Vec::with_capacity(relations.len());
    for (index, relation) in relations.iter().enumerate() {
        let mut sum = RowHasher::new();
        let mut files = Vec::new();
        while let Some(piece) = written.next_if(|piece| piece.table == index) {
            sum.merge(&piece.sum);
            files.push(piece.file);
        }
        tables.push(Table {
            name: relation.name.clone(),
            columns: relation.columns.clone(),
            extension: relation.extension.clone(),
            condition: relation.condition.clone(),
            partition: relation.partition,
            unlogged: relation.unlogged,
            rows: sum.rows(),
            size_bytes: rows::size(&files),
            hash: sum.hex(),
            files,
        });
    }
    tables
}

fn names(relations: &[Relation], kind: char) -> Vec<crate::schema::TableName> {
    let of_kind = relations.iter().filter(|relation| relation.kind == kind && relation.wanted());
    of_kind.map(|relation| relation.name.clone()).collect()
}

/// Everything that no file carries (safety rule S12).
fn missing(snapshot: &Snapshot, definitions: &Definitions, known: &Known) -> Vec<String> {
    let mut missing = catalog::uncarried(&snapshot.relations, &definitions.toc);
    let listed = |oid: u32| definitions.toc.iter().any(|e| e.catalog == toc::PG_SUBSCRIPTION && e.oid == oid);
    for (oid, name) in &known.subscriptions {
        if !listed(*oid) {
            missing.push(format!("subscription {name} (pg_dump leaves subscriptions out unless a superuser runs it)"));
        }
    }
    missing
}

/// What is as `pg_dump` does it, and worth knowing all the same.
fn remarks(snapshot: &Snapshot, hidden_mappings: i64) -> Vec<Issue> {
    let mut remarks = Vec::new();
    for relation in &snapshot.relations {
        let subject = relation.name.to_string();
        if relation.kind == 'f' && relation.wanted() {
            let text = "a foreign table: its definition is captured, its rows are on another server".to_owned();
            remarks.push(issue("foreign-table", &subject, text));
        }
        if let Some(extension) = relation.extension.as_ref().filter(|_| relation.heap_bytes > 0 && !relation.wanted()) {
            let text = format!(
                "belongs to the extension {extension}, which does not declare its rows to be yours: not captured"
            );
            remarks.push(issue("extension-table", &subject, text));
        }
    }
    if hidden_mappings > 0 {
        let text = "user mappings whose options this role may not see are captured without them".to_owned();
        remarks.push(issue("user-mapping-options", "user mappings", text));
    }
    remarks
}

/// The files that a person reads, then the manifest, which makes it a capture.
async fn finish(run: &Run, manifest: &Manifest) -> Result<()> {
    run.meter.tell(Phase::Finishing);
    definitions::put(&*run.sink, super::super::LOAD, guide::load(manifest).as_bytes()).await?;
    definitions::put(&*run.sink, super::super::GUIDE, guide::text(manifest).as_bytes()).await?;
    let json = serde_json::to_vec_pretty(manifest)
        .map_err(|error| Error::Sink { path: MANIFEST.to_owned(), source: error.into() })?;
    definitions::put(&*run.sink, MANIFEST, &json).await
}
