//! The work of a backup job: one wedding, several of a source, a whole database or a folder; and the points that come of it. What a
//! configuration wants is looked up when its run begins.

use super::{
    pass::{self, Wanted},
    place::Place,
};
use crate::{
    backup::{self, Backed, Outcome as Whole},
    configuration::Keeping,
    context::Context,
    error::{Code, Error, Result},
    service::{Service, catalog::failed},
    source::{self, CredentialPurpose},
    storage::Storage,
    target,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope, Tx,
    configurations::{self, Configuration},
    executions::{self, Completed, Execution},
    points::{self, Point},
    sources,
};
use keepsake_domain::{
    Criticality, Frequency, RequestId, WeddingId,
    execution::Outcome,
    retention::{Grade, Promise, Taken},
};
use keepsake_store::Location;
use keepsake_vault::backup::Depth;
use serde_json::json;

/// What a backup made.
pub(super) enum Done {
    /// The point of a whole database or folder.
    Whole(Box<Backed>),
    /// Points of weddings, and what became of the others.
    Weddings(pass::Done),
}

/// Backs up what the execution is about. `payload` is that of its job.
pub(super) async fn perform(
    service: Service,
    context: Context,
    execution: Execution,
    payload: serde_json::Value,
) -> Result<Done> {
    let place = Place::find(&service, execution.source, execution.target, execution.wedding).await?;
    let run = run_of(&service, &execution).await?;
    // Secrets are opened here and nowhere before: they live as long as the run.
    let storage = target::open(&service, &place.target, place.lent).await?;
    if place.source.kind == sources::Kind::Directory {
        return Ok(Done::Whole(Box::new(Box::pin(folder(&context, &storage, &place.source)).await?)));
    }
    let dsn = source::dsn(&service, &place.source, CredentialPurpose::Capture).await?;
    if let Some(wanted) = Wanted::of(place.wedding.as_ref(), run, execution.target, &payload) {
        let pass =
            pass::Pass { service: &service, context: &context, storage: &storage, source: &place.source, dsn: &dsn };
        return Ok(Done::Weddings(Box::pin(pass.perform(wanted)).await?));
    }
    let identity = place.source.identity.as_deref();
    let backed = Box::pin(backup::database(&context, &storage, &dsn, identity)).await?;
    Ok(Done::Whole(Box::new(backed)))
}

/// The configuration whose run it is, if it is one, with the weddings that are in it now.
async fn run_of(service: &Service, execution: &Execution) -> Result<Option<(Configuration, Vec<WeddingId>)>> {
    let Some(id) = execution.configuration else { return Ok(None) };
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    let mut tx = service.catalog.begin(&scope).await.map_err(failed)?;
    // One that was deleted since is run to its end.
    let found = configurations::get(&mut tx, id).await.map_err(failed)?;
    let gone = || Error::new(Code::NotFound, "the configuration was removed since this was asked for");
    let configuration = found.ok_or_else(gone)?;
    let weddings = configurations::weddings(&mut tx, &configuration).await.map_err(failed)?;
    Ok(Some((configuration, weddings)))
}

/// A folder of the host, which the operator registered (S29).
async fn folder(context: &Context, storage: &Storage, source: &sources::Source) -> Result<Backed> {
    let no_folder = || Error::new(Code::StorageInvalid, "the source is no folder of this host");
    let place = source.location.parse::<Location>().map_err(|_| no_folder())?;
    let Location::Local { path } = place else { return Err(no_folder()) };
    let path = path.to_str().ok_or_else(no_folder)?.to_owned();
    let asked = backup::Files { paths: vec![path], name: source.identity.clone(), read_back: true };
    backup::files(context, storage, &asked).await
}

/// Writes the points and the end of their execution down, in the transaction that ends the job.
pub(super) async fn record(
    tx: &mut Tx,
    execution: &Execution,
    done: &Done,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let backed = match done {
        Done::Weddings(done) => return pass::record(tx, execution, done, now).await,
        Done::Whole(backed) => backed,
    };
    let keeping = Keeping::of(tx, execution.organisation, execution.source, execution.configuration).await?;
    let grade = Grade::at_capture(execution.execution_type, Frequency::Daily);
    let taken = Taken { catalog_at: now, storage_at: None };
    // It holds every wedding, the most critical one, too.
    let promise = Promise::at_capture(&taken, Criticality::Critical, grade, &keeping.days_of_whole());
    points::add(tx, &point(execution, backed, &promise, now)).await?;
    let figures = figures(backed);
    let result = if backed.result == Whole::Incomplete { Outcome::Incomplete } else { Outcome::Stored };
    let completed = Completed { result, point: Some(backed.point), figures: &figures };
    executions::complete(tx, execution.id, &completed, now).await
}

/// What an execution says of a point that it made.
pub(super) fn figures(backed: &Backed) -> serde_json::Value {
    json!({
        "raw_bytes": backed.raw_bytes,
        "new_bytes": backed.new_bytes,
        "stored_bytes": backed.stored_bytes,
        "files": backed.files,
        "duration_ms": backed.duration_ms,
        "verification": backed.verification,
        "issues": backed.issues,
    })
}

/// A point as the catalog knows it, of which nothing is thought yet.
pub(super) fn point(execution: &Execution, backed: &Backed, promise: &Promise, now: Timestamp) -> Point {
    Point {
        id: backed.point,
        organisation: execution.organisation,
        source: Some(execution.source),
        wedding: execution.wedding,
        vault: backed.vault,
        target: execution.target,
        kind: backed.kind,
        execution: Some(execution.id),
        operation: None,
        captured_at: backed.time,
        confirmed_at: backed.time,
        incomplete: backed.result == Whole::Incomplete,
        suspect: Vec::new(),
        verified_at: Some(now),
        verification: Some(match backed.verification.depth {
            Depth::Listed => "listed".to_owned(),
            Depth::Read => "read".to_owned(),
        }),
        integrity_score: None,
        summary: json!({}),
        raw_bytes: backed.raw_bytes,
        stored_bytes: backed.stored_bytes,
        retention_class: promise.class,
        grade: promise.grade,
        keep_until: promise.keep_until,
        created_at: now,
    }
}
