//! The work of a backup job, and the point that comes of it.

use super::place::Place;
use crate::{
    backup::{self, BackedWedding, Outcome as Whole, Weddings},
    context::Context,
    error::{Code, Error, Result},
    file_stores::FileStores,
    mapping,
    service::Service,
    source::{self, CredentialPurpose},
    storage::Storage,
    target,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Tx,
    executions::{self, Completed, Execution},
    points::{self, Point},
    sources::Source,
    weddings::{self, Wedding},
};
use keepsake_domain::{
    Criticality, Frequency,
    execution::Outcome,
    retention::{Grade, Policy, Promise, Taken},
    suspect::{self, Summary},
};
use keepsake_vault::backup::Depth;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a backup made.
pub(super) struct Done {
    backed: backup::Backed,
    /// For a wedding: what it looked like.
    wedding: Option<(Wedding, Found)>,
    class: Criticality,
    grade: Grade,
}

/// What is kept of a capture beside its point (`summary` of the catalog).
#[derive(Debug, Serialize, Deserialize)]
struct Found {
    /// What the next capture is compared with.
    #[serde(flatten)]
    summary: Summary,
    /// How whole the data were, part by part.
    integrity: keepsake_domain::integrity::Score,
    /// Rows in all.
    rows: u64,
}

/// Backs up what the execution is about.
pub(super) async fn perform(service: Service, context: Context, execution: Execution) -> Result<Done> {
    let place = Place::find(&service, execution.source, execution.target, execution.wedding).await?;
    // Secrets are opened here and nowhere before: they live as long as the run.
    let storage = target::open(&service, &place.target, place.lent).await?;
    let dsn = source::dsn(&service, &place.source, CredentialPurpose::Capture).await?;
    let identity = place.source.identity.as_deref();
    match place.wedding {
        Some(wedding) => {
            let backed = one_wedding(&context, &storage, &place.source, &dsn, &wedding).await?;
            let found = Found { summary: backed.summary, integrity: backed.score, rows: backed.rows };
            let grade = Grade::at_capture(execution.execution_type, wedding.protection.frequency);
            let class = wedding.criticality;
            Ok(Done { backed: backed.backed, wedding: Some((wedding, found)), class, grade })
        }
        None => {
            let backed = Box::pin(backup::database(&context, &storage, &dsn, identity)).await?;
            let grade = Grade::at_capture(execution.execution_type, Frequency::Daily);
            // It holds every wedding, the most critical one, too.
            Ok(Done { backed, wedding: None, class: Criticality::Critical, grade })
        }
    }
}

async fn one_wedding(
    context: &Context,
    storage: &Storage,
    source: &Source,
    dsn: &keepsake_postgres::connect::Dsn,
    wedding: &Wedding,
) -> Result<BackedWedding> {
    let no_mapping =
        || Error::new(Code::Invalid, "the source has no mapping yet: inspect it, and set what is proposed");
    let mapping = mapping::parse(source.mapping.clone().ok_or_else(no_mapping)?, "the source's mapping")?;
    // Folders and buckets of files are opened with the rights of this machine: only the operator names them (S29).
    let files = match source.by_operator {
        true => FileStores::open(&mapping.mapping, source.files_root.as_deref(), &context.clock)?,
        false => FileStores::default(),
    };
    let from = Weddings { dsn, mapping: &mapping, files: &files, source_name: source.identity.as_deref() };
    let ids = [wedding.external_id.clone()];
    let backed = Box::pin(backup::weddings(context, storage, &from, &ids)).await?;
    backed.into_iter().next().ok_or_else(|| Error::new(Code::CaptureFailed, "the wedding was not captured"))
}

/// Writes the point and the end of its execution down, in the transaction that ends the job.
pub(super) async fn record(
    tx: &mut Tx,
    execution: &Execution,
    done: &Done,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let backed = &done.backed;
    let suspicions = match &done.wedding {
        Some((wedding, found)) => {
            let before = points::last_clean(tx, wedding.id).await?;
            let before: Option<Summary> = before.and_then(|point| serde_json::from_value(point.summary).ok());
            suspect::compare(before.as_ref(), &found.summary, &suspect::Thresholds::default())
        }
        None => Vec::new(),
    };
    if !suspicions.is_empty() {
        tracing::warn!(point = %backed.point, execution = %execution.id, findings = suspicions.len(), "the point looks like damage");
    }
    let taken = Taken { catalog_at: now, storage_at: None };
    let promise = Promise::at_capture(&taken, done.class, done.grade, &Policy::default());
    let incomplete = backed.result == Whole::Incomplete;
    let score = done.wedding.as_ref().map(|(_, found)| found.integrity.total);
    let point = Point {
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
        incomplete,
        suspect: suspicions,
        verified_at: Some(now),
        verification: Some(match backed.verification.depth {
            Depth::Listed => "listed".to_owned(),
            Depth::Read => "read".to_owned(),
        }),
        integrity_score: score,
        summary: done.wedding.as_ref().map_or_else(|| json!({}), |(_, found)| json!(found)),
        raw_bytes: backed.raw_bytes,
        stored_bytes: backed.stored_bytes,
        retention_class: promise.class,
        keep_until: promise.keep_until,
        created_at: now,
    };
    points::add(tx, &point).await?;
    if let Some((wedding, _)) = &done.wedding {
        weddings::captured(tx, wedding.id, backed.vault, backed.time, score).await?;
    }
    let figures = json!({
        "raw_bytes": backed.raw_bytes,
        "new_bytes": backed.new_bytes,
        "stored_bytes": backed.stored_bytes,
        "files": backed.files,
        "duration_ms": backed.duration_ms,
        "verification": backed.verification,
        "issues": backed.issues,
    });
    let result = if incomplete { Outcome::Incomplete } else { Outcome::Stored };
    executions::complete(tx, execution.id, &Completed { result, point: backed.point, figures: &figures }, now).await
}
