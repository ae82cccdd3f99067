//! `keepsake audit ...`.

use super::Surroundings;
use crate::cli;
use keepsake_app::{
    Code, Context, Error, Result,
    audit::{self, NOTE_BYTES_MAX, PROOF_BYTES_MAX, Proof, Proven, PublicKey, Report, Signer},
    service::{Service, catalog},
};
use serde::Serialize;
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::Path,
    process::ExitCode,
};

pub async fn run(surroundings: &Surroundings, asked: &cli::Audit) -> Result<ExitCode> {
    match asked {
        cli::Audit::Verify { checkpoint, catalog } => {
            return verify(surroundings, checkpoint.as_deref(), catalog).await;
        }
        cli::Audit::Checkpoint { output, catalog } => checkpoint(surroundings, output.as_deref(), catalog).await?,
        cli::Audit::Prove { row, since, output, catalog } => {
            prove(surroundings, (*row, since.as_deref()), output, catalog).await?;
        }
        cli::Audit::CheckProof { file, public_key } => check_proof(surroundings, file, public_key)?,
        cli::Audit::PublicKey => public_key(surroundings)?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn verify(surroundings: &Surroundings, checkpoint: Option<&Path>, catalog: &cli::Catalog) -> Result<ExitCode> {
    let kept = checkpoint.map(|file| read(file, NOTE_BYTES_MAX)).transpose()?;
    let report = with_service(surroundings, catalog, async |service| audit::verify(service, kept.as_deref()).await);
    let report = report.await?;
    surroundings.output.result(&report, describe);
    match audit::failure(&report) {
        // The report is the answer; an error object after it would be a second one.
        Some(error) => Ok(surroundings.output.found_wrong(&error)),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn describe(report: &Report) -> String {
    let mut text = format!(
        "audit log: {} ({} rows in the tree, {} waiting, {} checkpoints)",
        if report.good { "good" } else { "FAULTS" },
        report.rows,
        report.waiting,
        report.checkpoints
    );
    match report.signed {
        Some(signed) => text.push_str(&format!("\nsigned for: {} rows, at {}", signed.size, signed.at)),
        None => text.push_str("\nsigned for: nothing"),
    }
    for finding in &report.findings {
        let row = finding.row.map(|row| format!(" row {row}")).unwrap_or_default();
        let index = finding.index.map(|index| format!(" (place {index})")).unwrap_or_default();
        text.push_str(&format!("\n  {}{row}{index}: {}", finding.kind.name(), finding.message));
    }
    if report.unlisted > 0 {
        text.push_str(&format!("\n  and {} more", report.unlisted));
    }
    text
}

#[derive(Serialize)]
struct Checkpoint {
    size: u64,
    checkpoint: String,
}

async fn checkpoint(surroundings: &Surroundings, output: Option<&Path>, catalog: &cli::Catalog) -> Result<()> {
    let newest = with_service(surroundings, catalog, async |service| audit::newest(service).await).await?;
    let newest = newest.ok_or_else(|| Error::new(Code::NotFound, "nothing has been recorded yet"))?;
    if let Some(file) = output {
        write(file, &newest.note)?;
    }
    let shown = Checkpoint { size: newest.size, checkpoint: newest.note };
    surroundings.output.result(&shown, |shown| match output {
        Some(file) => format!("wrote the checkpoint for {} rows to {}", shown.size, file.display()),
        None => shown.checkpoint.clone(),
    });
    Ok(())
}

#[derive(Serialize)]
struct Written<'a> {
    written: &'a Path,
    #[serde(flatten)]
    proven: Proven,
}

async fn prove(
    surroundings: &Surroundings,
    (row, since): (Option<uuid::Uuid>, Option<&Path>),
    output: &Path,
    catalog: &cli::Catalog,
) -> Result<()> {
    let since = since.map(|file| read(file, NOTE_BYTES_MAX)).transpose()?;
    let proof = with_service(surroundings, catalog, async |service| match (row, &since) {
        (Some(row), _) => audit::inclusion(service, row).await,
        (None, Some(old)) => audit::consistency(service, old).await,
        (None, None) => Err(Error::new(Code::Usage, "name a row, or a checkpoint")),
    });
    let proof = proof.await?;
    let signer = Signer::of(&surroundings.context()?.master)?;
    let proven = proof.check(signer.public_key()).map_err(not_proven)?;
    write(output, &proof.to_string())?;
    surroundings.output.result(&Written { written: output, proven }, |written| {
        format!("{}\nwrote {}", describe_proven(&written.proven), output.display())
    });
    Ok(())
}

fn check_proof(surroundings: &Surroundings, file: &Path, public_key: &str) -> Result<()> {
    let key: PublicKey = public_key.parse()?;
    let proof = Proof::parse(&read(file, PROOF_BYTES_MAX)?).map_err(not_proven)?;
    let proven = proof.check(&key).map_err(not_proven)?;
    surroundings.output.result(&proven, describe_proven);
    Ok(())
}

fn not_proven(why: audit::Unproven) -> Error {
    Error::because(Code::VerifyFailed, "the file proves nothing", why)
}

fn describe_proven(proven: &Proven) -> String {
    match proven {
        Proven::Inclusion { row, index, size } => {
            format!("proven: at place {index} of the {size} rows that were signed for stands\n{row}")
        }
        Proven::Consistency { old_size, new_size } => {
            format!("proven: the first {old_size} of the {new_size} rows are what they were when they were signed for")
        }
    }
}

fn public_key(surroundings: &Surroundings) -> Result<()> {
    let context = surroundings.context()?;
    let key = Signer::of(&context.master)?.public_key().to_string();
    surroundings.output.result(&serde_json::json!({ "public_key": key }), |_| key.clone());
    Ok(())
}

/// Does `work` on the catalog, and leaves a private server as it was: running or not.
async fn with_service<T>(
    surroundings: &Surroundings,
    asked: &cli::Catalog,
    work: impl AsyncFnOnce(&Service) -> Result<T>,
) -> Result<T> {
    let context: Context = surroundings.context()?;
    let url = asked.catalog_url.as_deref();
    let url = url.map(|spec| catalog::locate(spec, &|name| std::env::var_os(name))).transpose()?;
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (catalog, embedded) = catalog::open_existing(&context, url.as_deref(), &node, &["audit".to_owned()]).await?;
    let service = Service { context, catalog: catalog.clone() };
    let done = Box::pin(work(&service)).await;
    catalog.close().await;
    if let Some(embedded) = embedded {
        let stopped = tokio::task::spawn_blocking(move || embedded.stop()).await;
        stopped.map_err(|error| Error::because(Code::CatalogFailed, "the private server", error))??;
    }
    done
}

/// A small file of text.
fn read(path: &Path, most: usize) -> Result<String> {
    let failed = |error| Error::because(Code::FilesFailed, format!("cannot read {}", path.display()), error);
    let mut text = String::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)).map_err(failed)?;
    Ok(text)
}

/// A new file: nothing that is there is overwritten.
fn write(path: &Path, text: &str) -> Result<()> {
    let failed = |error| Error::because(Code::FilesFailed, format!("cannot write {}", path.display()), error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
