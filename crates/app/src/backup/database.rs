//! Backing up a whole database.

use super::{
    Backed,
    attempt::{self, Ended, Target},
    commit::{Label, Running, backup_error},
    files::load,
};
use crate::{
    bridge::IntoVault,
    context::Context,
    error::{Code, Error, Result},
    source,
    storage::Storage,
    vaults::{self, Birth},
};
use keepsake_domain::point::Kind;
use keepsake_keys::Subject;
use keepsake_postgres::{
    connect::{Dsn, Purpose},
    database,
};
use keepsake_vault::{
    backup::{BackupOptions, Depth},
    engine::Phase,
};
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Backs up the database at `dsn` from one snapshot, beside a live application.
///
/// # Errors
/// By cause; a source that ends with a failure never leaves a point (safety rule S13).
pub async fn database(context: &Context, storage: &Storage, dsn: &Dsn, name: Option<&str>) -> Result<Backed> {
    let session = source::open(dsn, Purpose::Inspect).await?;
    let identity = source::identity(&session, name).await?;
    drop(session);
    let subject = Subject::Database { source: &identity };
    let label = name.unwrap_or_else(|| dsn.database()).to_owned();
    let vault = context.master.vault_id(&subject).to_string();
    context
        .recorded("backup database", &vault, async {
            let (id, vault) = vaults::ensure(context, storage, &Birth { subject, name: label }).await?;
            let target = Target::new(id, Arc::new(load(context, vault).await?));
            attempt::one(context, target, |target| Box::pin(capture_into(context, dsn, target))).await
        })
        .await
}

/// Captures the database into a vault that is open already.
async fn capture_into(context: &Context, dsn: &Dsn, target: Target) -> Result<Ended<Backed>> {
    let began = context.clock.now();
    let options = BackupOptions {
        cancel: context.cancel.clone(),
        clock: Arc::clone(&context.clock),
        proof: Depth::Read,
        ..BackupOptions::default()
    };
    let backup = Arc::new(target.vault.backup(&context.engine, options).map_err(backup_error)?);
    let sink = Arc::new(IntoVault(Arc::clone(&backup)));
    context.progress.enter(Phase::Transferring);
    let captured = database::capture(dsn, sink, options_of(context)).await;
    let backup = Arc::into_inner(backup)
        .ok_or_else(|| Error::new(Code::CaptureFailed, "the capture did not let go of its files"))?;
    let manifest = match captured {
        Ok(manifest) => manifest,
        Err(error) => {
            backup.abort().await;
            return Err(database_error("the database was not backed up", error));
        }
    };
    let label = Label {
        kind: Kind::Database,
        time: manifest.captured_at,
        paths: vec!["/".to_owned()],
        operation: None,
        issues: manifest.issues.into_iter().map(Into::into).collect(),
        incomplete: manifest.incomplete,
    };
    Running { target, backup, began }.commit(context, label).await
}

/// Options of a capture or restore that shows its progress.
pub(crate) fn options_of(context: &Context) -> database::Options {
    let progress = Arc::clone(&context.progress);
    let listener: database::Listener = Arc::new(move |now: database::Progress| {
        progress.bytes_done.store(now.done_bytes, Relaxed);
        progress.bytes_total.store(now.total_bytes, Relaxed);
        progress.files_done.store(now.done_tables, Relaxed);
        progress.files_total.store(now.total_tables, Relaxed);
    });
    database::Options { cancel: context.cancel.clone(), progress: Some(listener), ..database::Options::default() }
}

/// A capture's or restore's failure under the code that a user can look up.
pub(crate) fn database_error(what: &str, error: database::Error) -> Error {
    use database::Error as Database;
    let code = match error {
        Database::Connect(error) => return source::connect_error(error),
        Database::Cancelled => Code::Interrupted,
        Database::ConnectionLost { .. } | Database::Server { .. } => Code::DatabaseUnreachable,
        Database::YieldedToDdl { .. } | Database::Locked { .. } | Database::Unsettled => Code::CaptureYielded,
        Database::NotReadable { .. } => Code::DatabaseRights,
        Database::NotEmpty { .. } => Code::TargetNotEmpty,
        Database::Damaged { .. } | Database::Source { .. } => Code::VaultDamaged,
        Database::Mismatch { .. } | Database::Rows { .. } => Code::RestoreFailed,
        ref other if other.refused() => Code::DatabaseUnsuitable,
        Database::SnapshotLimit { .. } | Database::NoProgram { .. } | Database::OldProgram { .. } => {
            Code::DatabaseUnsuitable
        }
        _ => Code::CaptureFailed,
    };
    Error::because(code, what, error)
}
