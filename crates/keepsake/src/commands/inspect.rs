//! `keepsake inspect`.

use super::Surroundings;
use crate::cli;
use keepsake_app::{Code, Error, Result, mapping, source};
use keepsake_postgres::{
    inspect::Inspection,
    mapping::{Decision, Mapping},
};
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Proposed<'a> {
    confidence: u8,
    mapping: &'a Mapping,
    questions: Vec<&'a str>,
    missing_indexes: Vec<&'a str>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    #[serde(skip)]
    toml: String,
}

pub async fn run(surroundings: &Surroundings, asked: &cli::Inspect) -> Result<()> {
    let output = surroundings.output;
    let dsn = source::resolve(asked.source.given()?, &|text| output.warn(text))?;
    let mut inspection = mapping::propose(&dsn).await?;
    if output.can_ask() && !asked.no_ask {
        ask(surroundings, &mut inspection)?;
    }
    let report = &inspection.report;
    for warning in &report.warnings {
        output.warn(warning);
    }
    let toml = inspection.to_toml();
    if let Some(path) = &asked.output {
        write_new(path, &toml)?;
        output.note(&format!(
            "Wrote {}, {} % sure, with {} open questions. Read it, edit it, and pass it as --mapping.",
            path.display(),
            report.confidence,
            report.questions.len()
        ));
    }
    let proposed = Proposed {
        confidence: report.confidence,
        mapping: &report.mapping,
        questions: report.questions.iter().map(|question| question.text.as_str()).collect(),
        missing_indexes: report.missing_indexes.iter().map(|index| index.statement.as_str()).collect(),
        warnings: &report.warnings,
        written: asked.output.as_ref().map(|path| path.display().to_string()),
        toml,
    };
    let to_file = asked.output.is_some();
    output.result(&proposed, |proposed| if to_file { String::new() } else { proposed.toml.clone() });
    Ok(())
}

/// Asks about each unclear edge; an empty answer keeps the assumption.
fn ask(surroundings: &Surroundings, inspection: &mut Inspection) -> Result<()> {
    let mut asked = Vec::new();
    // An answer can add or remove questions, so the next is looked for afresh.
    while let Some(question) =
        inspection.report.questions.iter().find(|question| !asked.contains(&question.key)).cloned()
    {
        asked.push(question.key.clone());
        let assumed = if question.decision.owns() { "yes" } else { "no" };
        let Some(answer) = surroundings.output.ask(&format!("{} [yes/no, empty keeps: {assumed}] ", question.text))
        else {
            return Ok(());
        };
        let decision = match answer.as_str() {
            "y" | "yes" => Decision::Owns,
            "n" | "no" => Decision::Refers,
            _ => continue,
        };
        inspection
            .answer(question.edge, decision)
            .map_err(|error| Error::because(Code::DatabaseUnsuitable, "the answer leaves no mapping", error))?;
    }
    Ok(())
}

/// A mapping that somebody may have edited is never overwritten.
pub fn write_new(path: &std::path::Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        let what = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!("{} exists already and may have been edited: choose another name", path.display())
            }
            _ => format!("cannot write {}", path.display()),
        };
        Error::because(Code::FilesFailed, what, error)
    };
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
