//! `keepsake verify`.

use super::Surroundings;
use crate::{cli, progress};
use keepsake_app::{
    Result, Storage,
    verify::{self, Checked},
};
use keepsake_vault::check::Level;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct All {
    good: bool,
    vaults: Vec<Checked>,
}

pub async fn run(surroundings: &Surroundings, asked: &cli::Verify) -> Result<ExitCode> {
    let context = surroundings.context()?;
    let storage = Storage::open(&context, asked.storage.url()?)?;
    let level = match asked.level {
        cli::Level::Structure => Level::Structure,
        cli::Level::Hashes => Level::Hashes,
        cli::Level::All => Level::All,
    };
    let progress = verify::Progress::default();
    let work = verify::verify(&context, &storage, asked.vault, level, &progress);
    let vaults = progress::shown(surroundings.output, "verifying", &progress, work).await?;
    let failure = verify::failure(&vaults);
    let all = All { good: failure.is_none(), vaults };
    surroundings.output.result(&all, |all| match all.vaults.is_empty() {
        true => "There are no vaults yet, so nothing was checked.".to_owned(),
        false => all.vaults.iter().map(describe).collect::<Vec<_>>().join("\n"),
    });
    match failure {
        // The report is the answer; an error object after it would be a second one.
        Some(error) => Ok(surroundings.output.found_wrong(&error)),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn describe(checked: &Checked) -> String {
    let report = &checked.report;
    let mut text = format!(
        "vault {}: {} ({}: {} snapshots, {} packs, {} blobs)",
        checked.vault,
        if checked.good { "good" } else { "FAULTS" },
        report.level,
        report.snapshots,
        report.packs,
        report.blobs
    );
    for finding in &report.findings {
        text.push_str(&format!("\n  {}", finding.fault));
        for touched in &finding.affects {
            let more = if touched.truncated { ", and more" } else { "" };
            text.push_str(&format!("\n    touches snapshot {}: {}{more}", touched.snapshot, touched.paths.join(", ")));
        }
    }
    for hint in &report.hints {
        text.push_str(&format!("\n  note: {hint}"));
    }
    text
}
