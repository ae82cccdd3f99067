//! `keepsake backup ...`.

use super::Surroundings;
use crate::{cli, output::bytes, progress};
use keepsake_app::{
    Code, Error, Result, Storage,
    backup::{self, Backed, BackedWedding, Files, Outcome, Weddings},
    file_stores::FileStores,
    issue::Issue,
    mapping, source,
};
use serde::Serialize;

pub async fn run(surroundings: &Surroundings, asked: &cli::Backup) -> Result<()> {
    match asked {
        cli::Backup::Files { paths, name, read_back, storage } => {
            let asked = Files { paths: paths.clone(), name: name.clone(), read_back: *read_back };
            files(surroundings, &asked, storage).await
        }
        cli::Backup::Database { source, source_name, storage, reason: _ } => {
            database(surroundings, source, source_name.as_deref(), storage).await
        }
        cli::Backup::Wedding { ids, source, mapping, files_root, source_name, storage, emergency, reason: _ } => {
            if *emergency {
                let text = "--emergency needs --server: here nothing waits in a queue";
                return Err(Error::new(Code::Usage, text));
            }
            let asked = Wedding {
                ids,
                mapping: mapping.as_deref(),
                files_root: files_root.as_deref(),
                source_name: source_name.as_deref(),
            };
            weddings(surroundings, source, &asked, storage).await
        }
    }
}

async fn files(surroundings: &Surroundings, asked: &Files, storage: &cli::Storage) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, storage.url()?)?;
    let work = backup::files(&context, &storage, asked);
    let backed = progress::shown(surroundings.output, "backing up", context.progress.as_ref(), work).await?;
    remark(surroundings, &backed);
    surroundings.output.result(&backed, summary);
    Ok(())
}

async fn database(
    surroundings: &Surroundings,
    source: &cli::Source,
    name: Option<&str>,
    storage: &cli::Storage,
) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, storage.url()?)?;
    let dsn = source::resolve(source.given()?, &|text| surroundings.output.warn(text))?;
    let work = backup::database(&context, &storage, &dsn, name);
    let backed = progress::shown(surroundings.output, "backing up", context.progress.as_ref(), work).await?;
    remark(surroundings, &backed);
    surroundings.output.result(&backed, summary);
    Ok(())
}

struct Wedding<'a> {
    ids: &'a [String],
    mapping: Option<&'a std::path::Path>,
    files_root: Option<&'a str>,
    source_name: Option<&'a str>,
}

/// One object for scripts: the first wedding's point on top, all of them below.
#[derive(Serialize)]
struct All<'a> {
    #[serde(flatten)]
    first: Option<&'a Backed>,
    all_issues: Vec<&'a Issue>,
    weddings: &'a [BackedWedding],
}

async fn weddings(
    surroundings: &Surroundings,
    source: &cli::Source,
    asked: &Wedding<'_>,
    storage: &cli::Storage,
) -> Result<()> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, storage.url()?)?;
    let dsn = source::resolve(source.given()?, &|text| surroundings.output.warn(text))?;
    let mapping = mapping::read_or_propose(asked.mapping, &dsn).await?;
    let stores = FileStores::open(&mapping.mapping, asked.files_root, &context.clock)?;
    let from = Weddings { dsn: &dsn, mapping: &mapping, files: &stores, source_name: asked.source_name };
    let work = backup::weddings(&context, &storage, &from, asked.ids);
    let done = progress::shown(surroundings.output, "backing up", context.progress.as_ref(), work).await?;
    for wedding in &done {
        remark(surroundings, &wedding.backed);
    }
    let all = All {
        first: done.first().map(|wedding| &wedding.backed),
        all_issues: done.iter().flat_map(|wedding| &wedding.backed.issues).collect(),
        weddings: &done,
    };
    surroundings.output.result(&all, |all| all.weddings.iter().map(wedding_summary).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn remark(surroundings: &Surroundings, backed: &Backed) {
    const SHOWN: usize = 20;
    for issue in backed.issues.iter().take(SHOWN) {
        surroundings.output.warn(&format!("{}: {}", issue.subject, issue.message));
    }
    if backed.issues.len() > SHOWN {
        surroundings.output.warn(&format!("and {} more; --json lists them all", backed.issues.len() - SHOWN));
    }
    if backed.result == Outcome::Incomplete {
        surroundings.output.warn("the point is incomplete: it is never chosen by default, and `points` shows it");
    }
}

fn summary(backed: &Backed) -> String {
    format!(
        "point {}\n  in vault {} ({})\n  {} in {} {}, {} new, {} stored, {:.2} s",
        backed.point,
        backed.vault,
        backed.name,
        bytes(backed.raw_bytes),
        backed.files,
        if backed.files == 1 { "file" } else { "files" },
        bytes(backed.new_bytes),
        bytes(backed.stored_bytes),
        backed.duration_ms as f64 / 1000.0,
    )
}

fn wedding_summary(wedding: &BackedWedding) -> String {
    format!(
        "{}\n  wedding {}: {} rows, integrity {}/100",
        summary(&wedding.backed),
        wedding.wedding,
        wedding.rows,
        wedding.score.total
    )
}
