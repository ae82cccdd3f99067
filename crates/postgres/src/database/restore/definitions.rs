//! Definitions on their way in, by `pg_restore` from the archive of the capture.

use super::super::{
    Error, Manifest, Ownership, Result,
    programs::{Login, Programs, Running, database_argument},
};
use crate::connect::Dsn;
use std::{path::Path, process::Stdio};

/// One transaction for everything needs a lock on every object; beyond this many they might not fit the server's table.
const MOST_IN_ONE_TRANSACTION: u64 = 2_000;

/// The settings of sessions that build: the mark's removal, at the very end, makes all of it durable.
const SETTINGS: &str = "-c lc_monetary=C -c synchronous_commit=off -c maintenance_work_mem=128MB";

/// How definitions are restored.
pub(super) struct Builder<'a> {
    pub(super) dsn: &'a Dsn,
    pub(super) programs: &'a Programs,
    pub(super) archive: &'a Path,
    pub(super) ownership: Ownership,
}

impl Builder<'_> {
    /// Creates what comes before the rows. True if a failure leaves nothing behind.
    pub(super) async fn before_rows(&self, manifest: &Manifest) -> (Result<()>, bool) {
        let objects: u64 = manifest.contents.values().sum();
        let whole = objects <= MOST_IN_ONE_TRANSACTION;
        let mut arguments = vec!["--section=pre-data"];
        if whole {
            arguments.push("--single-transaction");
        }
        (self.run(&arguments).await, whole)
    }

    /// Builds what comes after the rows: indexes, constraints, triggers, policies ...
    pub(super) async fn after_rows(&self, jobs: usize) -> Result<()> {
        self.run(&["--section=post-data", &format!("--jobs={jobs}")]).await
    }

    async fn run(&self, arguments: &[&str]) -> Result<()> {
        let login = Login { dsn: Some(self.dsn), application: "keepsake-restore", settings: SETTINGS };
        let mut command = self.programs.command("pg_restore", &login);
        command.args(["--exit-on-error", "--no-password"]).args(arguments);
        if self.ownership == Ownership::Skip {
            command.args(["--no-owner", "--no-privileges"]);
        }
        command.arg("--dbname").arg(database_argument(self.dsn.database())).arg(self.archive);
        let warnings = Running::start("pg_restore", command, Stdio::null())?.finish().await?;
        if warnings.is_empty() {
            return Ok(());
        }
        // With --exit-on-error these are remarks, such as of an option that has no effect.
        tracing::warn!(count = warnings.len(), first = warnings.first(), "pg_restore warned");
        Ok(())
    }
}

/// Finds programs for the target that can read the archive.
pub(super) async fn programs(folder: Option<&Path>, manifest: &Manifest, target: i32) -> Result<Programs> {
    let target =
        u32::try_from(target / 10_000).map_err(|_| Error::Target { problem: "it has no version".to_owned() })?;
    Programs::find(folder, "pg_restore", target.max(manifest.dump_version), manifest.dump_version).await
}
