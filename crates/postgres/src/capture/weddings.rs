//! Capturing weddings: one or a set of one source in one pass (safety rule S11).

use super::{
    Error, FileState, FileStore, Issue, Manifest, Result, Sink, VERSION, WeddingFacts, describe, documents, files,
    manifest,
    read::{self, Read},
    scan::Wedding,
};
use crate::{
    connect::{Dsn, Purpose, Session, Verdict, connect, watch},
    mapping::Mapping,
};
use keepsake_domain::integrity::{self, Score};
use std::{future::Future, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// What to capture, and where to.
pub struct Request<'a> {
    /// What a wedding is.
    pub mapping: &'a Mapping,
    /// The mapping as a person wrote it, stored instead of a newly written one so that comments survive.
    pub mapping_text: Option<&'a str>,
    /// Ids of the weddings, as text.
    pub ids: &'a [String],
    /// Where each wedding goes, by the id as it was asked for.
    pub sinks: &'a (dyn Fn(&str) -> Arc<dyn Sink> + Send + Sync),
    /// Where the files are that rows name. Without one, every file is listed as missing.
    pub files: Option<&'a dyn FileStore>,
    /// Limits and how to end.
    pub options: Options,
}

/// How a capture behaves beside a live application (safety rule S10).
#[derive(Clone)]
pub struct Options {
    /// Ends the capture within a second, on the server too.
    pub cancel: CancellationToken,
    /// Is told how far it is, often.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// How old the snapshot may grow; half an hour on a primary.
    pub max_age: Duration,
    /// How long a schema change may wait for the capture before the capture gives way.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cancel: CancellationToken::new(),
            progress: None,
            max_age: Duration::from_secs(30 * 60),
            patience: Duration::from_secs(5),
        }
    }
}

/// How far a capture is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Tables whose rows are read.
    pub tables_done: u64,
    /// Tables in all.
    pub tables: u64,
    /// Rows read.
    pub rows: u64,
    /// Bytes of rows read.
    pub bytes: u64,
}

/// One wedding's capture, complete in its sink.
#[derive(Debug, Clone)]
pub struct Captured {
    /// The id as it was asked for; `manifest.wedding.id` is as the database writes it.
    pub id: String,
    /// The index, as stored in `manifest.json`.
    pub manifest: Manifest,
    /// How whole the wedding's data is.
    pub score: Score,
    /// A file could not be read: the point is never green and never chosen by default (safety rule S13).
    pub incomplete: bool,
}

/// The most weddings of one capture: each keeps a sink open, and one snapshot serves them all.
pub const WEDDINGS_MAX: usize = 1000;

/// Captures the weddings from one snapshot, each table read once for all of them, then their files.
///
/// Uses one connection, and after half a second another that watches over it. Each sink holds a whole capture when this
/// returns `Ok`, and nothing that may be used when it returns an error.
///
/// # Errors
/// [`Error`] by cause; [`Error::retryable`] tells whether to try again.
pub async fn weddings(dsn: &Dsn, request: &Request<'_>) -> Result<Vec<Captured>> {
    if request.ids.len() > WEDDINGS_MAX {
        return Err(Error::TooMany { asked: request.ids.len(), limit: WEDDINGS_MAX });
    }
    let cancel = &request.options.cancel;
    let session = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Error::Cancelled),
        session = connect(dsn, Purpose::Capture) => session?,
    };
    let mut read = guarded(dsn, &session, &request.options, Box::pin(read::rows(&session, request))).await?;
    let mut captured = Vec::with_capacity(read.weddings.len());
    let mut entries = Vec::with_capacity(read.weddings.len());
    for wedding in &read.weddings {
        let reading = files::capture(&wedding.files, request.files, wedding.sink.as_ref());
        entries.push(tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Error::Cancelled),
            entries = reading => entries?,
        });
    }
    if entries.iter().flatten().any(|entry| entry.state == FileState::Captured) {
        let again = Box::pin(read::named_files(&session, &read.bound, &read.weddings));
        let now = guarded(dsn, &session, &request.options, again).await?;
        for (entries, now) in entries.iter_mut().zip(&now) {
            files::compare(entries, now);
        }
    }
    drop(session);
    let documents = documents::shared(&read.schema, request.mapping, &read.bound, request.mapping_text);
    let (weddings, found) = (std::mem::take(&mut read.weddings), std::mem::take(&mut read.found));
    for (((wedding, found), entries), asked) in weddings.into_iter().zip(found).zip(entries).zip(&read.asked) {
        captured.push(finish(&read, wedding, found, entries, asked, &documents).await?);
    }
    Ok(captured)
}

/// Runs a read until it is done, or until it should not go on; then what it runs on the server is cancelled.
async fn guarded<T>(
    dsn: &Dsn,
    session: &Session,
    options: &Options,
    read: impl Future<Output = Result<T>>,
) -> Result<T> {
    let canceller = session.canceller();
    let pids = [session.backend_pid];
    let ended = tokio::select! {
        biased;
        () = options.cancel.cancelled() => Error::Cancelled,
        read = read => return read,
        verdict = watch(dsn, &pids, options.patience) => match verdict {
            Verdict::Yield { table } => Error::YieldedToDdl { table },
            Verdict::Blind(source) => Error::Unwatched(source),
        },
        () = tokio::time::sleep(options.max_age) => Error::SnapshotTooOld { limit: options.max_age },
    };
    if !matches!(tokio::time::timeout(Duration::from_secs(1), canceller.cancel()).await, Ok(Ok(()))) {
        tracing::warn!("a statement could not be cancelled on the server; it ends with its connection");
    }
    Err(ended)
}

async fn finish(
    read: &Read,
    wedding: Wedding,
    found: super::references::Found,
    entries: Vec<manifest::FileEntry>,
    asked: &str,
    documents: &[(&'static str, String)],
) -> Result<Captured> {
    let facts: WeddingFacts = describe::wedding(read, &wedding);
    let known = describe::known(read, &facts, &found, files::counts(&entries));
    let score = integrity::score(&wedding.facts.finish(&known));
    let mut issues = describe::issues(read, &wedding, &found);
    issues.extend(files::issues(&entries, &wedding.files));
    let from_score = score.parts.iter().flat_map(|part| &part.issues).filter(|issue| !issue.code.starts_with("file-"));
    issues.extend(from_score.map(|issue| Issue {
        code: issue.code.clone(),
        subject: "wedding".to_owned(),
        message: issue.message.clone(),
    }));
    let tables: Vec<manifest::TableEntry> = read
        .tables
        .iter()
        .zip(&wedding.rows)
        .map(|(table, rows)| manifest::TableEntry { rows: rows.rows(), hash: rows.hex(), ..table.clone() })
        .collect();
    let manifest = Manifest {
        version: VERSION,
        captured_at: read.captured_at,
        snapshot: read.snapshot.clone(),
        lsn: read.lsn.clone(),
        wedding: facts,
        scope_hash: super::scope_hash(&tables),
        tables,
        references: found.entries,
        files: entries,
        issues,
    };
    let own = [
        ("schema/load.sql", documents::load_sql(&manifest.tables)),
        ("RESTORE.md", documents::restore_md(&manifest)),
        // Last, so that a folder with a manifest is whole.
        ("manifest.json", serde_json::to_string_pretty(&manifest).unwrap_or_default()),
    ];
    for (path, text) in documents.iter().chain(&own) {
        let mut file = wedding.sink.create(path).await.map_err(Error::sink(path))?;
        file.write(text.clone().into()).await.map_err(Error::sink(path))?;
        file.finish().await.map_err(Error::sink(path))?;
    }
    let incomplete = manifest.incomplete();
    Ok(Captured { id: asked.to_owned(), manifest, score, incomplete })
}
