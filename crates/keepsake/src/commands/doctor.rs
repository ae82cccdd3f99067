//! `keepsake doctor`.

use super::Surroundings;
use crate::{cli, output::table};
use keepsake_app::{
    Result,
    doctor::{self, State},
};
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Report {
    good: bool,
    checks: Vec<doctor::Check>,
}

pub async fn run(surroundings: &Surroundings, asked: &cli::Doctor) -> Result<ExitCode> {
    let output = surroundings.output;
    let mut checks = doctor::installation(&surroundings.home);
    if let Some(url) = &asked.storage
        && let Ok(context) = surroundings.context()
    {
        checks.extend(doctor::storage(&context, url).await);
    }
    if let Some(spec) = &asked.source {
        checks.extend(doctor::source(spec, &|text| output.warn(text)).await);
    }
    let report = Report { good: checks.iter().all(|check| check.state != State::Fail), checks };
    output.result(&report, |report| {
        let rows: Vec<Vec<String>> = report
            .checks
            .iter()
            .map(|check| {
                let state = match check.state {
                    State::Pass => "ok",
                    State::Warn => "look",
                    State::Fail => "FAIL",
                };
                vec![state.to_owned(), check.what.clone(), check.found.clone()]
            })
            .collect();
        table(&["", "CHECK", "FOUND"], &rows)
    });
    match doctor::failure(&report.checks) {
        Some(error) => Ok(output.found_wrong(&error)),
        None => Ok(ExitCode::SUCCESS),
    }
}
