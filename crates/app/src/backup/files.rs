//! Backing up folders, files, or a bucket.

use super::{
    Backed,
    commit::{Label, Running, backup_error},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    issue::Issue,
    points,
    storage::{Storage, failed},
    vaults::{self, Birth, vault_error},
};
use futures::{StreamExt, TryStreamExt};
use keepsake_domain::point::Kind;
use keepsake_keys::Subject;
use keepsake_store::{DynStore, ObjectMeta, Options};
use keepsake_vault::{
    backup::{Backup, BackupOptions, FileMeta},
    vault::{Indexed, Vault},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// What is to be backed up.
#[derive(Debug, Clone)]
pub struct Files {
    /// Folders and files, or one bucket URL.
    pub paths: Vec<String>,
    /// Name of the vault; made from the paths if `None`.
    pub name: Option<String>,
}

/// Objects read from a bucket at the same time.
const OBJECTS_AT_ONCE: usize = 8;

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
            let began = context.clock.now();
            let (id, vault) = vaults::ensure(context, storage, &Birth { subject, name: name.clone() }).await?;
            let vault = Arc::new(load(context, vault).await?);
            let backup = begin(context, id, &vault).await?;
            let (paths, issues) = match &source {
                Source::Local(paths) => (local(&backup, paths).await?, Vec::new()),
                Source::Bucket(url) => bucket(context, &backup, url).await?,
            };
            let incomplete = issues.iter().any(|issue| issue.code == "object-unreadable");
            let label = Label { kind: Kind::Files, time: began, paths, operation: None, issues, incomplete };
            Running { id, vault, backup, began }.commit(context, label).await
        })
        .await
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
async fn begin(context: &Context, id: keepsake_domain::VaultId, vault: &Arc<Vault<Indexed>>) -> Result<Backup> {
    let newest = points::of_vault(context, id, &**vault).await?.into_iter().find(|point| point.kind == Kind::Files);
    let options = BackupOptions {
        parent: newest.map(|point| point.snapshot),
        cancel: context.cancel.clone(),
        progress: Arc::clone(&context.progress),
        clock: Arc::clone(&context.clock),
        ..BackupOptions::default()
    };
    vault.backup(&context.engine, options).map_err(backup_error)
}

async fn local(backup: &Backup, paths: &[PathBuf]) -> Result<Vec<String>> {
    for path in paths {
        use std::os::unix::ffi::OsStrExt;
        backup.add_path(path, path.as_os_str().as_bytes()).await.map_err(backup_error)?;
    }
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}

async fn bucket(context: &Context, backup: &Backup, url: &str) -> Result<(Vec<String>, Vec<Issue>)> {
    let location: keepsake_store::Location =
        url.parse().map_err(|error| Error::because(Code::StorageInvalid, "the bucket cannot be used", error))?;
    let options = Options { clock: Arc::clone(&context.clock), ..Options::from_process() };
    let store = keepsake_store::open_location(&location, &options)
        .map_err(|error| Error::because(Code::StorageInvalid, "the bucket cannot be used", error))?;
    let keepsake_store::Location::S3(place) = &location else {
        return Err(Error::new(Code::StorageInvalid, "only s3://bucket/prefix can be read as a bucket"));
    };
    let root = match &place.prefix {
        Some(prefix) => format!("/{}/{prefix}", place.bucket),
        None => format!("/{}", place.bucket),
    };
    let issues = Mutex::new(Vec::new());
    store
        .list(None)
        .map_err(|error| failed("could not list the bucket", error))
        .try_for_each_concurrent(OBJECTS_AT_ONCE, |object| {
            let (store, root, issues) = (&store, &root, &issues);
            async move {
                context.still_wanted()?;
                if let Some(issue) = copy(backup, store, root, &object).await? {
                    issues.lock().unwrap_or_else(PoisonError::into_inner).push(issue);
                }
                Ok(())
            }
        })
        .await?;
    Ok((vec![root], issues.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// Copies one object into the backup, or says why not.
async fn copy(backup: &Backup, store: &DynStore, root: &str, object: &ObjectMeta) -> Result<Option<Issue>> {
    let path = format!("{root}/{}", object.key);
    let unreadable = |error: keepsake_store::Error| Issue {
        code: "object-unreadable".to_owned(),
        subject: path.clone(),
        message: error.to_string(),
    };
    let (meta, mut bytes) = match store.get_stream(&object.key).await {
        Ok(opened) => opened,
        // Deleted since it was listed: it is not there.
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Ok(Some(unreadable(error))),
    };
    let info = FileMeta { modified: Some(meta.modified), ..FileMeta::default() };
    let mut file = backup.file(Path::new(&path).as_os_str().as_encoded_bytes(), info).map_err(backup_error)?;
    while let Some(piece) = bytes.next().await {
        // A file that was begun cannot be taken back: half an object must not pass for a whole one.
        let piece = piece.map_err(|error| failed("an object broke off while it was read", error))?;
        file.write(piece).await.map_err(backup_error)?;
    }
    file.finish().await.map_err(backup_error)?;
    Ok(None)
}
