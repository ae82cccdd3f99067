//! A check of a recovery point, up to its rehearsed restore.

use super::{
    place::Place,
    run::{Ended, Run, Told, persist},
};
use crate::{
    backup::load,
    bridge::FromVault,
    check::Scratch,
    context::Context,
    error::{Code, Error, Result},
    points as vault_points,
    service::{Service, catalog::failed},
    source,
    storage::Storage,
    target, vaults,
};
use jiff::Timestamp;
use keepsake_catalog::{
    Scope,
    checks::{self, Check},
    points::{self, Point},
    queue::{self, Claimed, Outcome},
    weddings,
};
use keepsake_domain::{
    RequestId, SourceId,
    check::{Level, State},
};
use keepsake_postgres::{
    connect::Purpose,
    rehearse::{self, rehearse},
};
use keepsake_vault::{
    check::{Level as Depth, Options},
    engine::Phase,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Instant};

/// What a check came to.
struct Done {
    point: Point,
    findings: Vec<Value>,
    figures: Value,
}

/// Makes the check and writes down what came of it.
pub(super) async fn run(run: &Run) -> Result<()> {
    let mut tx = run.tx().await?;
    let check = checks::begin(&mut tx, &run.job, run.now()).await.map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    tracing::info!(job = %run.job.id, check = %check.id, level = %check.level, "check begins");
    let context = run.context();
    let work = perform(run.service.clone(), context.clone(), check.clone());
    let result = run.watched(&context, Told::Nobody, work).await;
    match run.ended(result) {
        Ended::Done(done) => complete(run, &check, &done).await,
        Ended::Lost => Ok(()),
        Ended::GivenBack => run.give_back().await,
        Ended::Cancelled => end(run, &check, (&Outcome::Cancelled, &run.job), State::Cancelled, None).await,
        Ended::Failed(error, again) => {
            let (outcome, job) = run.after_failure(error.clone(), again);
            end(run, &check, (&outcome, &job), State::Failed, Some(&error)).await
        }
    }
}

async fn perform(service: Service, context: Context, check: Check) -> Result<Done> {
    let scope = Scope::system(RequestId::from_uuid(service.context.new_id()?));
    let mut tx = service.catalog.begin(&scope).await.map_err(failed)?;
    let point = points::get(&mut tx, check.point).await.map_err(failed)?;
    drop(tx);
    let point = point.ok_or_else(|| Error::new(Code::PointNotFound, "the recovery point has expired since"))?;
    let source = check.source.unwrap_or(SourceId::from_uuid(*check.point.as_uuid()));
    let place = Place::find(&service, source, point.target, None).await?;
    let storage = target::open(&service, &place.target, place.lent).await?;
    let mut findings = Vec::new();
    let mut figures = json!({});
    look(&context, &storage, &check, &point, &mut findings, &mut figures).await?;
    if check.level == Level::ScratchRestore {
        let began = Instant::now();
        let rehearsed = rehearsal(&context, &storage, &point).await?;
        let rto_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        findings.extend(rehearsed.findings.iter().map(|finding| json!(finding)));
        merge(
            &mut figures,
            &json!({
                "rto_ms": rto_ms,
                "tables": rehearsed.tables,
                "rows": rehearsed.rows,
                "files": rehearsed.files,
                "file_bytes": rehearsed.file_bytes,
                "references": rehearsed.references,
            }),
        );
    }
    Ok(Done { point, findings, figures })
}

/// Looks at the vault, as deep as the level says. What is wrong with other points of it is not this point's.
async fn look(
    context: &Context,
    storage: &Storage,
    check: &Check,
    point: &Point,
    findings: &mut Vec<Value>,
    figures: &mut Value,
) -> Result<()> {
    let depth = match check.level {
        Level::Manifest => Depth::Structure,
        Level::Hashes => Depth::Hashes,
        Level::ReadAll | Level::ScratchRestore => Depth::All,
    };
    context.progress.enter(Phase::Transferring);
    let opened = vaults::open(context, storage, point.vault).await?;
    let snapshot =
        vault_points::of_vault(context, point.vault, &opened).await?.into_iter().find(|one| one.id == point.id);
    let Some(snapshot) = snapshot else {
        let message = "the vault does not hold the point any more";
        findings.push(json!({"code": "point-missing", "subject": point.id, "message": message}));
        return Ok(());
    };
    let report = opened
        .check(&Options::new(depth), &context.cancel)
        .await
        .map_err(|error| vaults::vault_error("the check could not be made", error))?;
    // A fault that touches no snapshot is of something that nothing needs, or that has a whole copy elsewhere.
    let touched = report
        .findings
        .iter()
        .filter(|finding| finding.affects.iter().any(|touched| touched.snapshot == snapshot.snapshot));
    for finding in touched {
        let said = serde_json::to_value(&finding.fault).unwrap_or_default();
        let code = said.get("fault").and_then(Value::as_str).unwrap_or("fault");
        findings.push(json!({"code": code, "subject": point.vault, "message": finding.fault.to_string()}));
    }
    merge(figures, &json!({"packs": report.packs, "blobs": report.blobs, "read_bytes": report.read_bytes}));
    Ok(())
}

async fn rehearsal(context: &Context, storage: &Storage, point: &Point) -> Result<rehearse::Rehearsal> {
    let scratch = Scratch::start(context).await?;
    let opened = vaults::open(context, storage, point.vault).await?;
    let vault = Arc::new(load(context, opened).await?);
    let found = vault_points::of_vault(context, point.vault, &vault).await?.into_iter().find(|one| one.id == point.id);
    let found = found.ok_or_else(|| Error::new(Code::PointNotFound, "the vault does not hold the point any more"))?;
    let capture =
        FromVault { vault, engine: context.engine.clone(), snapshot: found.document, cancel: context.cancel.clone() };
    context.progress.enter(Phase::Finishing);
    let session = source::open(&scratch.dsn()?, Purpose::Restore).await?;
    let rehearsed = tokio::select! {
        biased;
        () = context.cancel.cancelled() => Err(Error::new(Code::Interrupted, "the rehearsal was stopped")),
        rehearsed = rehearse(&session, &capture) => {
            rehearsed.map_err(|error| Error::because(Code::VerifyFailed, "the restore could not be rehearsed", error))
        }
    };
    drop(session);
    // Stopping the server and removing its files block.
    let _gone = tokio::task::spawn_blocking(move || drop(scratch)).await;
    rehearsed
}

fn merge(into: &mut Value, more: &Value) {
    if let (Some(into), Some(more)) = (into.as_object_mut(), more.as_object()) {
        into.extend(more.clone());
    }
}

async fn complete(run: &Run, check: &Check, done: &Done) -> Result<()> {
    let (scope, now) = (run.scope()?, run.now());
    let passed = done.findings.is_empty();
    if !passed {
        tracing::warn!(check = %check.id, point = %check.point, findings = done.findings.len(), "a point did not pass its check");
    }
    let findings = Value::Array(done.findings.clone());
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        checks::complete(&mut tx, check.id, &findings, &done.figures, now).await?;
        if passed {
            note(&mut tx, check, &done.point, now).await?;
        }
        queue::finish(&mut tx, &run.job, &Outcome::Done, now).await?;
        tx.commit().await
    })
    .await
}

/// What a passed check says of its point and wedding.
async fn note(
    tx: &mut keepsake_catalog::Tx,
    check: &Check,
    point: &Point,
    now: Timestamp,
) -> keepsake_catalog::Result<()> {
    let verification = match check.level {
        Level::Manifest => "listed",
        Level::Hashes => "read",
        Level::ReadAll | Level::ScratchRestore => "decrypted",
    };
    points::verified(tx, point.id, verification, now).await?;
    let (Some(wedding), true) = (check.wedding, check.level >= Level::ReadAll) else { return Ok(()) };
    let rehearsed = (check.level == Level::ScratchRestore).then_some(point.captured_at);
    weddings::prepared(tx, wedding, Some(point.captured_at), rehearsed).await
}

async fn end(
    run: &Run,
    check: &Check,
    (outcome, job): (&Outcome, &Claimed),
    state: State,
    error: Option<&Value>,
) -> Result<()> {
    let (scope, now) = (run.scope()?, run.now());
    let again = matches!(outcome, Outcome::Retry(..)) && job.attempt < job.attempts_max;
    persist(|| async {
        let mut tx = run.service.catalog.begin(&scope).await?;
        if !again {
            checks::end(&mut tx, check.id, state, error, now).await?;
        }
        queue::finish(&mut tx, job, outcome, now).await?;
        tx.commit().await
    })
    .await
}
