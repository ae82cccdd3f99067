//! `keepsake restore ...`.

use super::{Surroundings, preview};
use crate::{
    cli::{self, Point},
    output::bytes,
    progress,
};
use keepsake_app::{
    Code, Context, Error, Result, Storage, mapping,
    points::Wanted,
    recovery::{self, Asked, Prepared, Restored},
    source,
};
use keepsake_domain::restore::Scope;

pub async fn run(surroundings: &Surroundings, asked: cli::Restore) -> Result<()> {
    match asked {
        cli::Restore::Wedding(asked) => Box::pin(wedding(surroundings, &asked)).await,
        cli::Restore::Database { point, vault, target, storage } => {
            let context = surroundings.context()?;
            let storage = Storage::open(&context, storage.url()?)?;
            let dsn = source::resolve(target.given()?, &|text| surroundings.output.warn(text))?;
            let work = recovery::database(&context, &storage, wanted(point), vault, &dsn);
            let done = progress::shown(surroundings.output, "restoring", context.progress.as_ref(), work).await?;
            surroundings.output.result(&done, |done| {
                format!(
                    "restored point {} in {:.2} s; {} tables compared with the capture and equal",
                    done.point,
                    done.duration_ms as f64 / 1000.0,
                    done.report.tables.len()
                )
            });
            Ok(())
        }
        cli::Restore::Files { point, to, vault, name, storage } => {
            let context = surroundings.context()?;
            let storage = Storage::open(&context, storage.url()?)?;
            let work = recovery::files(&context, &storage, wanted(point), vault, name.as_deref(), &to);
            let done = progress::shown(surroundings.output, "restoring", context.progress.as_ref(), work).await?;
            files(surroundings, &done)
        }
    }
}

fn files(surroundings: &Surroundings, done: &recovery::RestoredFiles) -> Result<()> {
    for issue in &done.issues {
        surroundings.output.warn(&format!("{}: {}", issue.subject, issue.message));
    }
    let failed = done.issues.iter().filter(|issue| issue.code == "file-failed").count();
    if failed > 0 {
        return Err(Error::new(
            Code::FilesFailed,
            format!("{failed} files were not restored; the others are in place"),
        ));
    }
    surroundings.output.result(done, |done| {
        format!(
            "restored point {} to {}\n  {} files written ({}), {} were there already, {:.2} s",
            done.point,
            done.to.display(),
            done.written,
            bytes(done.bytes),
            done.already_there,
            done.duration_ms as f64 / 1000.0
        )
    });
    Ok(())
}

fn wanted(point: Point) -> Wanted {
    match point {
        Point::Latest => Wanted::Latest,
        Point::Id(id) => Wanted::Id(id),
    }
}

async fn wedding(surroundings: &Surroundings, asked: &cli::RestoreWedding) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, asked.storage.url()?)?;
    let written = asked.mapping.as_deref().map(mapping::read).transpose()?;
    let request = Asked {
        target: source::resolve(asked.target.given()?, &|text| surroundings.output.warn(text))?,
        wedding: asked.id.clone(),
        point: wanted(asked.point),
        vault: asked.vault,
        mapping: written,
        scope: Scope::groups(asked.only.iter().copied()),
        mode: asked.mode,
        conflicts: asked.conflicts,
        side_schema: asked.side_schema.clone(),
        files_root: asked.files_root.clone(),
        host_files: true,
        look_only: asked.dry_run || !(asked.yes || surroundings.output.can_ask()),
    };
    let prepared = recovery::prepare(&context, &storage, request).await?;
    let decided = Decided { dry_run: asked.dry_run, yes: asked.yes, pinned: asked.preview_hash.as_deref() };
    Box::pin(conclude(surroundings, &context, prepared, &decided)).await
}

/// What the user said about going on.
pub struct Decided<'a> {
    /// Stop after the preview.
    pub dry_run: bool,
    /// Do not ask.
    pub yes: bool,
    /// Refuse if the plan has another hash.
    pub pinned: Option<&'a str>,
}

/// Shows the preview, and goes on if that is wanted.
pub async fn conclude(
    surroundings: &Surroundings,
    context: &Context,
    prepared: Prepared,
    decided: &Decided<'_>,
) -> Result<()> {
    let output = surroundings.output;
    if decided.dry_run {
        output.result(&prepared.plan, preview::text);
        return Ok(());
    }
    if !output.is_quiet() || !decided.yes {
        output.note(&preview::text(&prepared.plan));
    }
    if !decided.yes && !output.confirm("Restore this?") {
        return Err(Error::new(Code::ConfirmNeeded, "nobody said yes to the preview, so nothing was changed"));
    }
    let restored = Box::pin(recovery::apply(context, prepared, decided.pinned)).await?;
    output.result(&restored, summary);
    Ok(())
}

fn summary(done: &Restored) -> String {
    let rows =
        |count: fn(&keepsake_postgres::restore::TableProof) -> u64| done.proof.tables.iter().map(count).sum::<u64>();
    let undo = if done.undoable { format!("\n  to undo: keepsake undo {}", done.operation) } else { String::new() };
    format!(
        "operation {}\n  restored wedding {} from point {}: {} rows inserted, {} updated, {} deleted; {} files written, {} deleted\n  \
         proven in one transaction: {} references checked, {:.2} s{undo}",
        done.operation,
        done.wedding,
        done.point,
        rows(|table| table.inserted),
        rows(|table| table.updated),
        rows(|table| table.deleted),
        done.files_written,
        done.files_deleted,
        rows(|table| table.references),
        done.duration_ms as f64 / 1000.0,
    )
}
