//! The end of every backup: the commit, which proves from the store that it kept the new point.

use super::{
    Backed, Outcome,
    attempt::{Ended, Target},
};
use crate::{
    context::Context,
    error::{Code, Error, Result},
    issue::Issue,
    points::{About, about},
    vaults::vault_error,
};
use jiff::Timestamp;
use keepsake_domain::{
    OperationId,
    point::{Kind, Tags},
};
use keepsake_vault::{
    backup::{self, Backup, Completeness, SnapshotSpec},
    engine::Phase,
    time::Time,
};

/// A backup that is under way.
pub(super) struct Running {
    /// Where to.
    pub target: Target,
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
}

impl Running {
    /// Commits.
    pub(super) async fn commit(self, context: &Context, label: Label) -> Result<Ended<Backed>> {
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
        if label.kind != Kind::PreRecovery {
            context.progress.enter(Phase::Finishing);
        }
        let committed = match self.backup.commit(spec).await {
            Ok(committed) => committed,
            Err(backup::Error::OlderPacksLost { packs }) => return Ok(Ended::OlderPacksLost(packs)),
            Err(error) => return Err(backup_error(error)),
        };
        let mut issues = label.issues;
        issues.extend(self.target.issues());
        let mut incomplete = label.incomplete;
        if let Completeness::Incomplete(unreadable) = &committed.result {
            incomplete = true;
            issues.extend(unreadable.iter().map(|file| Issue {
                code: "file-unreadable".to_owned(),
                subject: file.path.display().to_string(),
                message: file.reason.clone(),
            }));
        }
        let About { name, .. } = about(&self.target.vault);
        let stats = committed.stats;
        Ok(Ended::Made(Backed {
            point,
            vault: self.target.id,
            kind: label.kind,
            name,
            time: label.time,
            result: if incomplete { Outcome::Incomplete } else { Outcome::Stored },
            files: stats.files,
            raw_bytes: stats.bytes_raw,
            new_bytes: stats.bytes_new,
            stored_bytes: stats.bytes_stored,
            duration_ms: u64::try_from(context.clock.now().duration_since(self.began).as_millis()).unwrap_or(0),
            verification: committed.proof,
            issues,
        }))
    }
}

/// A backup's failure under the code that a user can look up.
pub(crate) fn backup_error(error: backup::Error) -> Error {
    use backup::Error as Backup;
    match error {
        Backup::Cancelled => Error::new(Code::Interrupted, "the backup was stopped"),
        Backup::Vault(error) => vault_error("the backup failed", error),
        error @ Backup::OlderPacksLost { .. } => Error::because(Code::VaultDamaged, "the backup failed", error),
        error => Error::because(Code::CaptureFailed, "the backup failed", error),
    }
}

/// Commits the state saved before a restore.
pub(crate) async fn commit_pre_recovery(
    context: &Context,
    target: Target,
    backup: Backup,
    operation: OperationId,
    time: Timestamp,
) -> Result<Ended<Backed>> {
    let label = Label {
        kind: Kind::PreRecovery,
        time,
        paths: vec!["/".to_owned()],
        operation: Some(operation),
        issues: Vec::new(),
        incomplete: false,
    };
    let began = context.clock.now();
    let running = Running { target, backup, began };
    running.commit(context, label).await
}
