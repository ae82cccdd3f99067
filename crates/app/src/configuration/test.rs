//! A configuration is tried out: everything that a run needs, really done, and nothing kept.
//!
//! Each check goes on from the one before, so that the first that fails is the one to mend. What is read of a wedding is counted and
//! thrown away; what is written to a target is a probe object that is deleted again.

use super::{find, subject};
use crate::{
    Code,
    backup::capture_error,
    error::{Error, Result},
    mapping,
    service::{Caller, Service, catalog::failed},
    source::{self, CredentialPurpose},
    target,
};
use bytes::Bytes;
use keepsake_catalog::{
    Scope as CatalogScope,
    configurations::{self, Configuration},
    organisations,
    sources::{self, Kind, Source},
    targets, weddings,
};
use keepsake_domain::{ConfigurationId, WeddingId, configuration::Scope, permission::Action};
use keepsake_postgres::{
    capture::{self, FileSink, PortError, Sink},
    cluster::Programs,
    connect::{Dsn, Purpose, ServerError, Session},
    schema,
};
use keepsake_store::Location;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// The whole of it takes at most so long; a request waits for it.
const LIMIT: Duration = Duration::from_secs(25);

/// Names of a folder that are looked at.
const MOST_NAMES: usize = 1000;

/// How something was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// As it should be.
    Pass,
    /// A run works, with something to know.
    Warn,
    /// A run would fail.
    Fail,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it is.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// Under which code, if it failed.
    pub code: Option<Code>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// What a run is expected to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes read, compressed and deduplicated by nothing.
    pub raw_bytes: u64,
    /// How long it takes.
    pub duration_ms: u64,
}

/// What a test found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// In the order in which a run would meet it.
    pub checks: Vec<Check>,
    /// What a run is expected to come to, as far as the checks got.
    pub estimate: Option<Estimate>,
}

impl Tested {
    fn add(&mut self, name: &'static str, state: CheckState, found: impl Into<String>, remedy: Option<&str>) {
        let (found, remedy) = (found.into(), remedy.map(str::to_owned));
        self.checks.push(Check { name, state, found, code: None, remedy });
    }

    fn pass(&mut self, name: &'static str, found: impl Into<String>) {
        self.add(name, CheckState::Pass, found, None);
    }

    /// Notes a failure; what was found otherwise.
    fn note<T>(&mut self, name: &'static str, found: Result<T>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                self.checks.push(Check {
                    name,
                    state: CheckState::Fail,
                    found: error.chain(),
                    code: Some(error.code()),
                    remedy: Some(error.code().remedy().to_owned()),
                });
                None
            }
        }
    }
}

/// Tries a configuration out. What is wrong with it is a check that failed, not an error.
///
/// # Errors
/// [`Code::NotFound`], [`Code::Forbidden`]; [`Code::CatalogFailed`].
pub async fn test(service: &Service, caller: &Caller, id: ConfigurationId) -> Result<Tested> {
    let found = find(service, caller, Action::ConfigurationTest, id).await?;
    let work = async {
        let mut tested = Tested { checks: Vec::new(), estimate: None };
        let probing = Box::pin(probe(service, &found, &mut tested));
        match timeout(LIMIT, probing).await {
            Ok(done) => done?,
            Err(_) => {
                let message = format!("not everything was looked at within {} s", LIMIT.as_secs());
                tested.add(
                    "time",
                    CheckState::Fail,
                    message,
                    Some("look at the load of the database and of the storage"),
                );
            }
        }
        Ok(tested)
    };
    let relation = caller.relation_to(found.organisation);
    service.act(caller, Action::ConfigurationTest, relation, &subject(id), Some(found.organisation), work).await
}

async fn probe(service: &Service, configuration: &Configuration, tested: &mut Tested) -> Result<()> {
    let scope = CatalogScope::system(keepsake_domain::RequestId::from_uuid(service.context.new_id()?));
    let mut tx = service.catalog.begin(&scope).await.map_err(failed)?;
    let document = &configuration.document;
    let source = sources::get(&mut tx, document.source_id).await.map_err(failed)?;
    let operator = organisations::operator(&mut tx).await.map_err(failed)?;
    let covered = configurations::weddings(&mut tx, configuration).await.map_err(failed)?;
    let mut stores = Vec::new();
    for named in &document.storage_targets {
        stores.extend(targets::get(&mut tx, named.target_id).await.map_err(failed)?);
    }
    let sample = match covered.first() {
        Some(id) => weddings::get(&mut tx, *id).await.map_err(failed)?.map(|wedding| wedding.external_id),
        None => None,
    };
    drop(tx);
    let gone = || Error::new(Code::NotFound, "the source is not there any more");
    if let Some(source) = tested.note("source", source.ok_or_else(gone)) {
        let probe = Probe { service, configuration, source: &source };
        match source.kind {
            Kind::Database => probe.database(tested, &covered, sample).await,
            Kind::Directory => probe.directory(tested),
            Kind::Bucket => {
                tested.add("source", CheckState::Fail, "buckets are not backed up by the service yet", None)
            }
        }
    }
    for found in stores {
        let lent = found.organisation == operator;
        let capable = async { target::open(service, &found, lent).await?.capabilities().await };
        if let Some(capable) = tested.note("storage", capable.await) {
            tested.pass("storage", format!("{}: written, read back and deleted", found.name));
            if !capable.conditional_create {
                let remedy = "use a store that refuses to overwrite (If-None-Match)";
                tested.add(
                    "create-only puts",
                    CheckState::Fail,
                    "the store overwrites objects that exist",
                    Some(remedy),
                );
            }
        }
    }
    Ok(())
}

struct Probe<'a> {
    service: &'a Service,
    configuration: &'a Configuration,
    source: &'a Source,
}

impl Probe<'_> {
    async fn database(&self, tested: &mut Tested, covered: &[WeddingId], sample: Option<String>) {
        let opened = async {
            let dsn = source::dsn(self.service, self.source, CredentialPurpose::Capture).await?;
            let session = source::open(&dsn, Purpose::Inspect).await?;
            Ok((dsn, session))
        };
        let Some((dsn, session)) = tested.note("connection", opened.await) else { return };
        let version = session.server_version;
        tested.pass("connection", format!("PostgreSQL {}.{}", version / 10_000, version % 10_000));
        let Some(hidden) = tested.note("privileges", rights(&session).await) else { return };
        row_security(tested, &hidden);
        match &self.configuration.document.scope {
            Scope::Database => whole(tested, &session).await,
            _ => self.weddings(tested, &dsn, &session, covered, sample).await,
        }
    }

    async fn weddings(
        &self,
        tested: &mut Tested,
        dsn: &Dsn,
        session: &Session,
        covered: &[WeddingId],
        sample: Option<String>,
    ) {
        let closed = async {
            let missing = || Error::new(Code::Invalid, "the source has no mapping");
            let written = mapping::parse(self.source.mapping.clone().ok_or_else(missing)?, "the source's mapping")?;
            let schema = schema::read(&session.client).await.map_err(|error| {
                Error::because(Code::DatabaseUnreachable, "the database's catalog could not be read", error)
            })?;
            let bound = written.fit(&schema)?;
            Ok((written, bound))
        };
        let Some((written, bound)) = tested.note("mapping", closed.await) else { return };
        tested.pass("mapping", format!("it fits: {} tables of a wedding", bound.tables.len()));
        if !bound.undecided.is_empty() {
            let found = format!("{} foreign keys are not decided in the mapping", bound.undecided.len());
            tested.add("mapping", CheckState::Warn, found, Some("say in the mapping whether they own or refer"));
        }
        let Some(sample) = sample else {
            tested.add(
                "sample",
                CheckState::Warn,
                "no wedding is in it now, so none was read",
                Some("sync the source"),
            );
            return;
        };
        let began = Instant::now();
        let counted = Arc::new(AtomicU64::new(0));
        let sink: Arc<dyn Sink> = Arc::new(Counting(Arc::clone(&counted)));
        let request = capture::Request {
            mapping: &written.mapping,
            mapping_text: Some(&written.text),
            ids: std::slice::from_ref(&sample),
            sinks: &|_| Arc::clone(&sink),
            files: None,
            options: capture::Options { cancel: self.service.context.cancel.clone(), ..capture::Options::default() },
        };
        let captured = capture::weddings(dsn, &request).await.map_err(capture_error);
        let Some(captured) = tested.note("sample", captured) else { return };
        let rows: u64 = captured.iter().flat_map(|one| &one.manifest.tables).map(|table| table.rows).sum();
        let (bytes, took) = (counted.load(Relaxed), u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        tested
            .pass("sample", format!("one wedding read in {took} ms: {rows} rows, {bytes} bytes, its files left aside"));
        let count = covered.len() as u64;
        let all = |one: u64| one.saturating_mul(count);
        tested.estimate = Some(Estimate { raw_bytes: all(bytes), duration_ms: all(took) });
    }

    fn directory(&self, tested: &mut Tested) {
        let read = match self.source.location.parse::<Location>() {
            Ok(Location::Local { path }) => std::fs::read_dir(&path)
                .map(|names| names.take(MOST_NAMES).count())
                .map_err(|error| Error::because(Code::FilesFailed, "the folder cannot be read", error)),
            _ => Err(Error::new(Code::StorageInvalid, "the source is no folder")),
        };
        if let Some(names) = tested.note("folder", read) {
            tested.pass("folder", format!("it can be read: {names} names, as far as was looked"));
        }
    }
}

/// Tables that row-level security hides rows of from this role.
async fn rights(session: &Session) -> Result<Vec<String>> {
    let hidden = "SELECT format('%I.%I', space.nspname, class.relname) FROM pg_catalog.pg_class AS class \
                  JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace \
                  WHERE class.relkind IN ('r', 'p') AND class.relrowsecurity \
                    AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user) \
                    AND (class.relforcerowsecurity OR NOT pg_catalog.pg_has_role(class.relowner, 'USAGE')) \
                  ORDER BY 1";
    let rows = session.client.query(hidden, &[]).await.map_err(unread)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn row_security(tested: &mut Tested, hidden: &[String]) {
    match hidden {
        [] => tested.pass("privileges", "no row is hidden from the role"),
        [first, ..] => {
            let found = format!("row-level security hides rows of {} tables, such as {first}", hidden.len());
            tested.add("privileges", CheckState::Fail, found, Some("give the role BYPASSRLS"));
        }
    }
}

/// Whether the whole database can be read, and how large it is.
async fn whole(tested: &mut Tested, session: &Session) {
    let unreadable = "SELECT count(*), min(format('%I.%I', space.nspname, class.relname)) FROM pg_catalog.pg_class AS class \
                      JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace \
                      WHERE class.relkind IN ('r', 'p', 'm', 'S') AND space.nspname NOT LIKE 'pg\\_%' \
                        AND space.nspname <> 'information_schema' \
                        AND NOT pg_catalog.has_table_privilege(class.oid, 'SELECT')";
    let size = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
    let read = async {
        let row = session.client.query_one(unreadable, &[]).await.map_err(unread)?;
        let size: i64 = session.client.query_one(size, &[]).await.map_err(unread)?.get(0);
        Ok((row.get::<_, i64>(0), row.get::<_, Option<String>>(1), size))
    };
    let Some((count, first, size)) = tested.note("tables", read.await) else { return };
    match first {
        Some(first) => {
            let found = format!("the role may not read {count} tables and sequences, such as {first}");
            tested.add("tables", CheckState::Fail, found, Some("grant SELECT on them, or pg_read_all_data"));
        }
        None => tested.pass("tables", "all can be read"),
    }
    match Programs::find().map(|programs| programs.path("pg_dump").is_file()) {
        Ok(true) => tested.pass("pg_dump", "it is there"),
        _ => tested.add("pg_dump", CheckState::Fail, "it is missing", Some("install postgresql-client on the workers")),
    }
    let raw_bytes = u64::try_from(size).unwrap_or(0);
    // At 20 MB a second, which a slow disk still gives.
    tested.estimate = Some(Estimate { raw_bytes, duration_ms: raw_bytes / 20_000 });
}

/// A question that the server did not answer.
fn unread<E>(error: E) -> Error
where
    ServerError: From<E>,
{
    Error::because(Code::DatabaseUnreachable, "the database could not be asked", ServerError::from(error))
}

/// Counts what comes, and keeps nothing.
struct Counting(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Sink for Counting {
    async fn create(&self, _: &str) -> Result<Box<dyn FileSink>, PortError> {
        Ok(Box::new(Self(Arc::clone(&self.0))))
    }
}

#[async_trait::async_trait]
impl FileSink for Counting {
    async fn write(&mut self, bytes: Bytes) -> Result<(), PortError> {
        self.0.fetch_add(bytes.len() as u64, Relaxed);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), PortError> {
        Ok(())
    }
}
