//! Backing up folders, files, or a bucket.

use super::{
    Backed,
    attempt::{self, Ended, Target},
    bucket,
    commit::{Label, Running, backup_error},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    points,
    storage::Storage,
    vaults::{self, Birth, vault_error},
};
use keepsake_domain::point::Kind;
use keepsake_keys::Subject;
use keepsake_vault::{
    backup::{Backup, BackupOptions, Depth},
    vault::{Indexed, Vault},
};
use std::{path::PathBuf, sync::Arc};

/// What is to be backed up.
#[derive(Debug, Clone)]
pub struct Files {
    /// Folders and files, or one bucket URL.
    pub paths: Vec<String>,
    /// Name of the vault; made from the paths if `None`.
    pub name: Option<String>,
    /// Read back everything that is stored, instead of asking the store for its presence and size.
    pub read_back: bool,
}

enum Source {
    Local(Vec<PathBuf>),
    Bucket(String),
}

/// Backs up folders and files, or a bucket.
///
/// # Errors
/// [`Code::FilesFailed`] if what is named is not there; else by cause. What cannot be read below it makes the point
/// incomplete instead.
pub async fn files(context: &Context, storage: &Storage, asked: &Files) -> Result<Backed> {
    let source = parse(&asked.paths)?;
    let name = asked.name.clone().unwrap_or_else(|| asked.paths.join(" "));
    let subject = Subject::Files { name: &name };
    let vault = context.master.vault_id(&subject);
    context
        .recorded("backup files", &vault.to_string(), async {
            let (id, vault) = vaults::ensure(context, storage, &Birth { subject, name: name.clone() }).await?;
            let target = Target::new(id, Arc::new(load(context, vault).await?));
            let depth = if asked.read_back { Depth::Read } else { Depth::Listed };
            attempt::one(context, target, |target| Box::pin(read_into(context, &source, target, depth))).await
        })
        .await
}

/// Reads the source into a vault that is open already.
async fn read_into(context: &Context, source: &Source, target: Target, depth: Depth) -> Result<Ended<Backed>> {
    let began = context.clock.now();
    let backup = begin(context, &target, depth).await?;
    let (paths, issues) = match source {
        Source::Local(paths) => (local(&backup, paths).await?, Vec::new()),
        Source::Bucket(url) => bucket::copy(context, &backup, url).await?,
    };
    let incomplete = issues.iter().any(|issue| issue.code == "object-unreadable");
    let label = Label { kind: Kind::Files, time: began, paths, operation: None, issues, incomplete };
    Running { target, backup, began }.commit(context, label).await
}

fn parse(paths: &[String]) -> Result<Source> {
    match paths {
        [url] if url.starts_with("s3:") => return Ok(Source::Bucket(url.clone())),
        _ => {}
    }
    let absolute = |text: &String| {
        if text.contains("://") {
            return Err(Error::new(Code::FilesFailed, "a bucket URL must be the only thing to back up"));
        }
        // Symbolic links in the given path itself are kept as they were typed: that is where a restore puts it.
        let path = std::path::absolute(text)
            .map_err(|error| Error::because(Code::FilesFailed, format!("cannot use {text}"), error))?;
        match path.symlink_metadata() {
            Ok(_) => Ok(path),
            Err(error) => Err(Error::because(Code::FilesFailed, format!("{} cannot be read", path.display()), error)),
        }
    };
    paths.iter().map(absolute).collect::<Result<_>>().map(Source::Local)
}

/// The vault with its index.
pub(crate) async fn load(context: &Context, vault: Vault<keepsake_vault::vault::Open>) -> Result<Vault<Indexed>> {
    vault.load_index(&context.cancel).await.map_err(|error| vault_error("the vault's index cannot be read", error))
}

/// A session that takes over what is unchanged since the newest complete point.
async fn begin(context: &Context, target: &Target, depth: Depth) -> Result<Backup> {
    let points = points::of_vault(context, target.id, &*target.vault).await?;
    let newest = points.into_iter().find(|point| point.kind == Kind::Files);
    let options = BackupOptions {
        parent: newest.map(|point| point.snapshot),
        cancel: context.cancel.clone(),
        progress: Arc::clone(&context.progress),
        clock: Arc::clone(&context.clock),
        proof: depth,
        ..BackupOptions::default()
    };
    target.vault.backup(&context.engine, options).map_err(backup_error)
}

async fn local(backup: &Backup, paths: &[PathBuf]) -> Result<Vec<String>> {
    for path in paths {
        use std::os::unix::ffi::OsStrExt;
        backup.add_path(path, path.as_os_str().as_bytes()).await.map_err(backup_error)?;
    }
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}
