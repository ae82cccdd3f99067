//! The end of every backup: commit, and proof from the store.

use super::{Backed, Outcome};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    issue::Issue,
    points::{About, about},
    recovery::Prepared,
    vaults::vault_error,
};
use jiff::Timestamp;
use keepsake_domain::{
    OperationId, VaultId,
    point::{Kind, Tags},
};
use keepsake_vault::{
    backup::{Backup, Committed, Completeness, Depth, Proof, ProveOptions, SnapshotSpec},
    engine::Phase,
    time::Time,
    vault::{Indexed, Vault},
};
use std::sync::Arc;

/// A backup that is under way.
pub(super) struct Running {
    /// The vault's id.
    pub id: VaultId,
    /// The vault.
    pub vault: Arc<Vault<Indexed>>,
    /// The session.
    pub backup: Backup,
    /// When it began.
    pub began: Timestamp,
}

/// What the new point is to say of itself.
pub(super) struct Label {
    /// What was captured.
    pub kind: Kind,
    /// The state that it holds.
    pub time: Timestamp,
    /// What was captured, as people name it: absolute paths.
    pub paths: Vec<String>,
    /// For a state saved before a restore.
    pub operation: Option<OperationId>,
    /// What was noticed.
    pub issues: Vec<Issue>,
    /// The capture itself knows that something is missing.
    pub incomplete: bool,
    /// How closely the new point is proven.
    pub depth: Depth,
}

impl Running {
    /// Commits, and proves from the store that it kept what was written.
    pub(super) async fn commit(self, context: &Context, label: Label) -> Result<Backed> {
        let point = context.new_point()?;
        let tags = |incomplete| Tags { point, kind: label.kind, incomplete, operation: label.operation };
        let spec = |completeness: &Completeness| SnapshotSpec {
            time: Time::utc(label.time),
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            username: context.actor.clone(),
            tags: tags(label.incomplete || matches!(completeness, Completeness::Incomplete(_))).encode(),
            paths: label.paths.clone(),
            original: None,
        };
        let committed = self.backup.commit(spec).await.map_err(backup_error)?;
        let mut issues = label.issues;
        let mut incomplete = label.incomplete;
        if let Completeness::Incomplete(unreadable) = &committed.result {
            incomplete = true;
            issues.extend(unreadable.iter().map(|file| Issue {
                code: "file-unreadable".to_owned(),
                subject: file.path.display().to_string(),
                message: file.reason.clone(),
            }));
        }
        context.progress.enter(Phase::Finishing);
        let verification = prove(context, &self.vault, &committed, label.depth).await?;
        let About { name, .. } = about(&self.vault);
        let stats = committed.stats;
        Ok(Backed {
            point,
            vault: self.id,
            kind: label.kind,
            name,
            time: label.time,
            result: if incomplete { Outcome::Incomplete } else { Outcome::Stored },
            files: stats.files,
            raw_bytes: stats.bytes_raw,
            new_bytes: stats.bytes_new,
            stored_bytes: stats.bytes_stored,
            duration_ms: u64::try_from(context.clock.now().duration_since(self.began).as_millis()).unwrap_or(0),
            verification,
            issues,
        })
    }
}

async fn prove(context: &Context, vault: &Vault<Indexed>, committed: &Committed, depth: Depth) -> Result<Proof> {
    let options = ProveOptions { cancel: context.cancel.clone(), ..ProveOptions::new(depth) };
    vault
        .prove(&context.engine, committed, options)
        .await
        .map_err(|error| vault_error("the store did not keep the new point as it was written", error))
}

/// A backup's failure under the code that a user can look up.
pub(crate) fn backup_error(error: keepsake_vault::backup::Error) -> Error {
    use keepsake_vault::backup::Error as Backup;
    match error {
        Backup::Cancelled => Error::new(Code::Interrupted, "the backup was stopped"),
        Backup::Vault(error) => vault_error("the backup failed", error),
        error => Error::because(Code::CaptureFailed, "the backup failed", error),
    }
}

/// Commits the state saved before a restore.
pub(crate) async fn commit_pre_recovery(
    context: &Context,
    prepared: &Prepared,
    backup: Backup,
    operation: OperationId,
    time: Timestamp,
) -> Result<()> {
    let label = Label {
        kind: Kind::PreRecovery,
        time,
        paths: vec!["/".to_owned()],
        operation: Some(operation),
        issues: Vec::new(),
        incomplete: false,
        // Live data are about to be changed: what they were must be beyond doubt.
        depth: Depth::Read,
    };
    let began = context.clock.now();
    let running = Running { id: prepared.vault_id(), vault: prepared.vault(), backup, began };
    running.commit(context, label).await.map(drop)
}
