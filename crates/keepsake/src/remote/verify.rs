//! `keepsake verify --server`: the service checks the newest point of each vault.

use super::{
    Asking, points,
    watch::{self, Work},
};
use crate::cli;
use keepsake_api::{
    checks::{Check, CheckLevel, NewCheck, PointCheckState, StartedCheck},
    executions::{ExecutionError, Progress},
};
use keepsake_app::{Code, Error, Result};
use serde::Serialize;
use std::{collections::BTreeSet, process::ExitCode};

/// How many checks are asked for before the first is waited for.
const AT_ONCE: usize = 4;

impl Work for Check {
    fn progress(&self) -> Option<&Progress> {
        None
    }

    fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    fn error(&self) -> Option<&ExecutionError> {
        self.error.as_ref()
    }
}

#[derive(Serialize)]
struct All {
    good: bool,
    checks: Vec<Check>,
}

pub async fn run(asking: &Asking, asked: &cli::Verify) -> Result<ExitCode> {
    let level = match asked.level {
        cli::Level::Structure => CheckLevel::Manifest,
        cli::Level::Hashes => CheckLevel::Hashes,
        cli::Level::All => CheckLevel::ReadAll,
    };
    let mut vaults = BTreeSet::new();
    let mut newest = points::all(asking, &[]).await?;
    newest.retain(|point| {
        asked.vault.is_none_or(|vault| *vault.as_uuid() == point.vault_id) && vaults.insert(point.vault_id)
    });
    let mut checks = Vec::new();
    for some in newest.chunks(AT_ONCE) {
        let mut started = Vec::new();
        for point in some {
            let new = NewCheck { recovery_point_id: point.id, level };
            started.push(asking.server.post::<StartedCheck>("/api/backup/recovery/validate", &new).await?.check_id);
        }
        for id in started {
            let place = format!("/api/backup/recovery/checks/{id}");
            let check: Check = watch::until_ended(asking, "verifying", &place, false).await?;
            if check.state != PointCheckState::Completed {
                return Err(watch::failure(check.error(), "the check was cancelled"));
            }
            checks.push(check);
        }
    }
    let bad = checks.iter().filter(|check| check.passed != Some(true)).count();
    let all = All { good: bad == 0, checks };
    asking.output.result(&all, |all| match all.checks.is_empty() {
        true => "There are no recovery points yet, so nothing was checked.".to_owned(),
        false => all.checks.iter().map(describe).collect::<Vec<_>>().join("\n"),
    });
    match bad {
        0 => Ok(ExitCode::SUCCESS),
        _ => {
            let text = format!("{bad} of {} points have faults", all.checks.len());
            Ok(asking.output.found_wrong(&Error::new(Code::VerifyFailed, text)))
        }
    }
}

fn describe(check: &Check) -> String {
    let mut text =
        format!("point {}: {}", check.recovery_point_id, if check.passed == Some(true) { "good" } else { "FAULTS" });
    for finding in &check.findings {
        text.push_str(&format!("\n  {}: {}", finding.subject, finding.message));
    }
    text
}
