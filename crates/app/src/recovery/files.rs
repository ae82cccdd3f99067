//! Restoring files into a folder.

use crate::{
    backup::load,
    context::Context,
    error::{Code, Error, Result},
    issue::Issue,
    points::{self, Wanted},
    storage::Storage,
    vaults::{self, vault_error},
};
use keepsake_domain::{PointId, VaultId};
use keepsake_vault::{
    config::Kind,
    restore::{self, Outcome, RestoreOptions},
};
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// What came of it.
#[derive(Debug, Serialize)]
pub struct RestoredFiles {
    /// The point that was restored.
    pub point: PointId,
    /// The folder.
    pub to: PathBuf,
    /// Files and links written.
    pub written: u64,
    /// Files that were there already, as they should be.
    pub already_there: u64,
    /// Bytes written.
    pub bytes: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// Files that did not come, and attributes that could not be set.
    pub issues: Vec<Issue>,
}

/// Restores files. What is in place already is compared and not fetched again.
///
/// # Errors
/// By cause; files that failed are listed in [`RestoredFiles::issues`] with code `file-failed`.
pub async fn files(
    context: &Context,
    storage: &Storage,
    wanted: Wanted,
    vault: Option<VaultId>,
    name: Option<&str>,
    to: &Path,
) -> Result<RestoredFiles> {
    let what = name.map_or_else(|| "files".to_owned(), |name| format!("files named {name}"));
    let fits = |info: &vaults::Info| info.kind == Kind::Files && name.is_none_or(|name| info.name == name);
    let point = points::choose(context, storage, wanted, vault, &what, fits).await?;
    let subject = format!("vault {} point {}", point.vault, point.id);
    context
        .recorded("restore files", &subject, async {
            let began = context.clock.now();
            let opened = vaults::open(context, storage, point.vault).await?;
            let vault = load(context, opened).await?;
            let options = RestoreOptions {
                cancel: context.cancel.clone(),
                progress: Arc::clone(&context.progress),
                ..RestoreOptions::new(to)
            };
            let report = vault.restore(&context.engine, &point.document, options).await.map_err(restore_files_error)?;
            let count = |wanted: &Outcome| report.files.iter().filter(|file| file.outcome == *wanted).count() as u64;
            let duration = context.clock.now().duration_since(began);
            Ok(RestoredFiles {
                point: point.id,
                to: to.to_owned(),
                written: count(&Outcome::Restored),
                already_there: count(&Outcome::AlreadyThere),
                bytes: report.bytes_restored,
                duration_ms: u64::try_from(duration.as_millis()).unwrap_or(0),
                issues: issues(&report),
            })
        })
        .await
}

fn issues(report: &restore::Report) -> Vec<Issue> {
    let issue = |code: &str, path: &Path, message: String| Issue {
        code: code.to_owned(),
        subject: path.display().to_string(),
        message,
    };
    let failed = report.failed().map(|(path, failure)| issue("file-failed", path, failure.to_string()));
    let warned = report.warnings.iter().map(|(path, reason)| issue("attributes-not-set", path, reason.clone()));
    failed.chain(warned).collect()
}

fn restore_files_error(error: restore::Error) -> Error {
    match error {
        restore::Error::Cancelled => {
            Error::new(Code::Interrupted, "the restore was stopped; another goes on from there")
        }
        restore::Error::Vault(error) => vault_error("the files could not be restored", error),
        error => Error::because(Code::FilesFailed, "the files could not be restored", error),
    }
}
