//! `keepsake inspect --server`: the service looks at one of its sources.

use super::{Asking, find};
use crate::{cli, commands::write_new};
use keepsake_api::sources::MappingProposal;
use keepsake_app::Result;
use serde_json::json;

pub async fn run(asking: &Asking, asked: &cli::Inspect) -> Result<()> {
    let source = find::source(&asking.server, asked.source.given()?).await?;
    let proposal: MappingProposal =
        asking.server.post(&format!("/api/sources/{}/inspect", source.id), &json!({})).await?;
    for warning in &proposal.warnings {
        asking.output.warn(warning);
    }
    for question in &proposal.questions {
        asking.output.note(&format!("to be decided: {question}"));
    }
    if let Some(path) = &asked.output {
        write_new(path, &proposal.mapping)?;
        asking.output.note(&format!(
            "Wrote {}, {} % sure, with {} open questions. Read it, edit it, and set it (PUT /api/sources/{}/mapping).",
            path.display(),
            proposal.confidence,
            proposal.questions.len(),
            source.id
        ));
    }
    let to_file = asked.output.is_some();
    asking.output.result(&proposal, |proposal| if to_file { String::new() } else { proposal.mapping.clone() });
    Ok(())
}
