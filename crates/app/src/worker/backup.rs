//! The work of a backup job: one wedding, the due weddings of a source in one pass, or a whole database; and the points that come of
//! it.

use super::{
    pass::{self, Wanted},
    place::Place,
};
use crate::{
    backup::{self, Backed, Outcome as Whole},
    context::Context,
    error::Result,
    service::Service,
    source::{self, CredentialPurpose},
    target,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Tx,
    executions::{self, Completed, Execution},
    points::{self, Point},
};
use keepsake_domain::{
    Criticality, Frequency,
    execution::Outcome,
    retention::{Grade, Policy, Promise, Taken},
};
use keepsake_vault::backup::Depth;
use serde_json::json;

/// What a backup made.
pub(super) enum Done {
    /// A whole database's point.
    Database(Box<Backed>),
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
    // Secrets are opened here and nowhere before: they live as long as the run.
    let storage = target::open(&service, &place.target, place.lent).await?;
    let dsn = source::dsn(&service, &place.source, CredentialPurpose::Capture).await?;
    if let Some(wanted) = Wanted::of(place.wedding.as_ref(), &payload) {
        let pass =
            pass::Pass { service: &service, context: &context, storage: &storage, source: &place.source, dsn: &dsn };
        return Ok(Done::Weddings(Box::pin(pass.perform(wanted)).await?));
    }
    let identity = place.source.identity.as_deref();
    let backed = Box::pin(backup::database(&context, &storage, &dsn, identity)).await?;
    Ok(Done::Database(Box::new(backed)))
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
        Done::Database(backed) => backed,
    };
    let grade = Grade::at_capture(execution.execution_type, Frequency::Daily);
    let taken = Taken { catalog_at: now, storage_at: None };
    // It holds every wedding, the most critical one, too.
    let promise = Promise::at_capture(&taken, Criticality::Critical, grade, &Policy::default());
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
